// Unpacks a scene (humanrig/scene_player/packed.py), moves its people, and answers to mouse, touch and keys.

const TYPES = { u8: Uint8Array, i8: Int8Array, u16: Uint16Array, i16: Int16Array, u32: Uint32Array, f32: Float32Array };
const WAYS = "Drag to turn; wheel or two fingers to come closer; shift and drag, or two fingers, to move.";

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const whole = await new Response(stream).arrayBuffer();
  const length = new DataView(whole).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, length)));
  header.get = (value) => {
    const { type, shape, start } = header.arrays[value.array];
    return new TYPES[type](whole, 4 + length + start, shape.reduce((a, b) => a * b, 1));
  };
  return header;
}

// 4 by 4 matrices are 16 numbers, column after column.
function times(a, b) {
  const c = new Float32Array(16);
  for (let col = 0; col < 4; col++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) c[col * 4 + row] += a[k * 4 + row] * b[col * 4 + k];
  return c;
}

function turned(x, y, z, w) {
  return [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y), 0,
    2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x), 0,
    2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y), 0, 0, 0, 0, 1];
}

class Person {
  constructor(scene, about, renderer, redraw) {
    this.about = about;
    this.shown = true;
    for (const key of ["row", "rotations", "root", "shape_weights", "rest_joints", "vertex", "shapes"])
      this[key] = scene.get(about[key]);
    const rest = scene.get(about.rest), count = rest.length / 3, corners = this.vertex.length;
    this.rest = Float32Array.from(rest, (value, n) => about.low[n % 3] + about.step[n % 3] * value);
    this.faces = scene.get(about.faces);
    const [joints, weights] = [scene.get(about.joints), scene.get(about.weights)];
    const ofCorners = { count: corners, joints: new Uint8Array(corners * 4), weights: new Uint16Array(corners * 4) };
    for (let c = 0; c < corners; c++)
      for (let k = 0; k < 4; k++) {
        ofCorners.joints[4 * c + k] = joints[4 * this.vertex[c] + k];
        ofCorners.weights[4 * c + k] = weights[4 * this.vertex[c] + k];
      }
    ofCorners.uv = about.uv ? scene.get(about.uv) : null;
    const jpeg = about.texture ? scene.get(about.texture) : null;
    this.moved = new Float32Array(count * 3);
    this.sums = new Float32Array(count * 3);
    this.places = new Float32Array(corners * 3);
    this.normals = new Float32Array(corners * 3);
    this.renderer = renderer;
    this.surface = renderer.surface(ofCorners, this.faces, jpeg, redraw);
  }

  // Which way the person faces in the middle of their frames: an angle around z from x; the body at rest faces +z.
  facing() {
    const middle = this.root.length / 6 | 0, joints = this.about.parents.length;
    const [x, y, z, w] = this.rotations.subarray(4 * joints * middle).subarray(0, 4);
    const front = turned(...[x, y, z, w].map((value) => value / 32767));
    return Math.atan2(front[9], front[8]);
  }

  // The surface at rest with its shapes, its normals, and the matrix of each joint.
  pose(frame) {
    const row = this.row[frame];
    this.there = row >= 0;
    if (!this.there) return;
    this.moved.set(this.rest);
    const length = this.rest.length, count = this.shapes.length / length;
    for (let k = 0; k < count; k++) {
      const weight = this.shape_weights[row * count + k] * this.about.shape_step, start = k * length;
      if (weight) for (let n = 0; n < length; n++) this.moved[n] += weight * this.shapes[start + n];
    }
    this.spread(this.moved, this.places);
    this.bend();
    this.renderer.move(this.surface, this.places, this.normals);
    this.bones = this.matrices(row);
  }

  // Values of vertices to the corners that repeat them along the seams of the texture.
  spread(ofVertices, ofCorners) {
    for (let c = 0, to = 0; c < this.vertex.length; c++) {
      let from = 3 * this.vertex[c];
      ofCorners[to++] = ofVertices[from++];
      ofCorners[to++] = ofVertices[from++];
      ofCorners[to++] = ofVertices[from];
    }
  }

  // Normals of the surface at rest; their lengths do not matter.
  bend() {
    const p = this.places, sums = this.sums.fill(0), faces = this.faces, vertex = this.vertex;
    for (let f = 0; f < faces.length; f += 3) {
      const i = 3 * faces[f], j = 3 * faces[f + 1], k = 3 * faces[f + 2];
      const ux = p[j] - p[i], uy = p[j + 1] - p[i + 1], uz = p[j + 2] - p[i + 2];
      const vx = p[k] - p[i], vy = p[k + 1] - p[i + 1], vz = p[k + 2] - p[i + 2];
      const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
      for (let corner = 0; corner < 3; corner++) {
        const at = 3 * vertex[faces[f + corner]];
        sums[at] += nx;
        sums[at + 1] += ny;
        sums[at + 2] += nz;
      }
    }
    this.spread(sums, this.normals);
  }

  matrices(row) {
    const parents = this.about.parents, all = new Float32Array(16 * MATRICES), world = [];
    parents.forEach((parent, joint) => {
      const q = Array.from(this.rotations.subarray((row * parents.length + joint) * 4).subarray(0, 4));
      const size = Math.hypot(...q), local = turned(...q.map((value) => value / size)), rest = this.rest_joints;
      for (let a = 0; a < 3; a++)
        local[12 + a] = joint === 0 ? this.root[3 * row + a] : rest[3 * joint + a] - rest[3 * parent + a];
      world[joint] = joint === 0 ? Float32Array.from(local) : times(world[parent], local);
      const back = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, ...[0, 1, 2].map((a) => -rest[3 * joint + a]), 1];
      all.set(times(world[joint], back), 16 * joint);
    });
    return all;
  }
}

// An eye that turns around a target: angles in radians, distance in metres.
class Eye {
  constructor(target, distance, azimuth) {
    Object.assign(this, { target, distance, azimuth, height: 0.25 });
  }

  axes() {
    const [ca, sa, ch, sh] = [Math.cos(this.azimuth), Math.sin(this.azimuth), Math.cos(this.height), Math.sin(this.height)];
    return { back: [ca * ch, sa * ch, sh], right: [-sa, ca, 0], up: [-ca * sh, -sa * sh, ch] };
  }

  view(aspect) {
    const { back, right, up } = this.axes();
    const eye = this.target.map((t, a) => t + this.distance * back[a]);
    const along = (axis) => -(axis[0] * eye[0] + axis[1] * eye[1] + axis[2] * eye[2]);
    const turn = [right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
      along(right), along(up), along(back), 1];
    const f = 1 / Math.tan(0.36), near = Math.max(0.02, this.distance / 100), far = this.distance + 60;
    const narrow = Math.min(1, aspect);
    return times([f * narrow / aspect, 0, 0, 0, 0, f * narrow, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0,
      2 * far * near / (near - far), 0], turn);
  }

  turn(dx, dy) {
    this.azimuth -= dx * 0.008;
    this.height = Math.max(-1.5, Math.min(1.5, this.height + dy * 0.008));
  }

  slide(dx, dy, pixels) {
    const { right, up } = this.axes(), scale = this.distance * 0.75 / pixels;
    this.target = this.target.map((t, a) => t + scale * (dy * up[a] - dx * right[a]));
  }

  closer(factor) {
    this.distance = Math.max(0.3, Math.min(60, this.distance * factor));
  }
}
