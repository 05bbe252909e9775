// Drawing with WebGL 2: skinned surfaces, points and lines in a z-up world, in metres.

const MATRICES = 24;
const LIGHT = [0.35, 0.25, 0.9];

const SURFACE_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 rest;
layout(location = 1) in vec3 normal;
layout(location = 2) in uvec4 joints;
layout(location = 3) in vec4 weights;
layout(location = 4) in vec2 uv;
uniform mat4 bones[${MATRICES}];
uniform mat4 view;
uniform float flat_z;
out vec3 v_normal;
out vec2 v_uv;
void main() {
  mat4 bone = weights.x * bones[joints.x] + weights.y * bones[joints.y]
            + weights.z * bones[joints.z] + weights.w * bones[joints.w];
  vec4 place = bone * vec4(rest, 1.0);
  if (flat_z > -1e3) { place.xy += vec2(-0.3, -0.2) * max(place.z - flat_z, 0.0); place.z = flat_z; }
  v_normal = mat3(bone) * normal;
  v_uv = uv;
  gl_Position = view * vec4(place.xyz, 1.0);
}`;
const SURFACE_FRAGMENT = `#version 300 es
precision highp float;
in vec3 v_normal;
in vec2 v_uv;
uniform sampler2D picture;
uniform vec3 color;
uniform vec3 light;
uniform float mode; // 0 plain, 1 textured, 2 shadow
out vec4 shown;
void main() {
  float facing = dot(normalize(v_normal), normalize(light));
  vec3 base = mode > 0.5 ? texture(picture, v_uv).rgb : color;
  float lit = mode > 0.5 ? 0.9 + 0.14 * facing : 0.62 + 0.38 * facing;
  shown = mode > 1.5 ? vec4(color, 1.0) : vec4(base * lit, 1.0);
}`;
const MARK_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 place;
layout(location = 1) in vec3 tint;
uniform mat4 view;
uniform vec3 low;
uniform vec3 extent;
uniform float size;
out vec3 v_tint;
void main() {
  v_tint = tint;
  gl_Position = view * vec4(low + extent * place, 1.0);
  gl_PointSize = max(1.5, size / gl_Position.w);
}`;
const MARK_FRAGMENT = `#version 300 es
precision highp float;
in vec3 v_tint;
out vec4 shown;
void main() { shown = vec4(v_tint, 1.0); }`;

function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(made));
  const at = {};
  const count = gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS) || 0;
  for (let n = 0; n < count; n++) {
    const name = gl.getActiveUniform(made, n).name;
    at[name.replace("[0]", "")] = gl.getUniformLocation(made, name);
  }
  return { made, at };
}

function buffer(gl, data, target) {
  const made = gl.createBuffer();
  gl.bindBuffer(target || gl.ARRAY_BUFFER, made);
  gl.bufferData(target || gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  return made;
}

function attribute(gl, location, data, size, type, normalized) {
  const made = buffer(gl, data);
  gl.enableVertexAttribArray(location);
  if (type === gl.UNSIGNED_BYTE && !normalized) gl.vertexAttribIPointer(location, size, type, 0, 0);
  else gl.vertexAttribPointer(location, size, type, !!normalized, 0, 0);
  return made;
}

class Renderer {
  constructor(gl) {
    this.gl = gl;
    this.surfaces = program(gl, SURFACE_VERTEX, SURFACE_FRAGMENT);
    this.marks = program(gl, MARK_VERTEX, MARK_FRAGMENT);
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(0.933, 0.941, 0.953, 1);
  }

  // corners: {joints, weights, uv or null}, faces: indices, jpeg: bytes or null; places and normals come with `move`.
  surface(corners, faces, jpeg, redraw) {
    const gl = this.gl, made = { array: gl.createVertexArray(), count: faces.length, textured: 0 };
    gl.bindVertexArray(made.array);
    made.places = attribute(gl, 0, new Float32Array(corners.count * 3), 3, gl.FLOAT);
    made.normals = attribute(gl, 1, new Float32Array(corners.count * 3), 3, gl.FLOAT);
    attribute(gl, 2, corners.joints, 4, gl.UNSIGNED_BYTE);
    attribute(gl, 3, corners.weights, 4, gl.UNSIGNED_SHORT, true);
    if (corners.uv) attribute(gl, 4, corners.uv, 2, gl.UNSIGNED_SHORT, true);
    buffer(gl, faces, gl.ELEMENT_ARRAY_BUFFER);
    made.type = faces instanceof Uint32Array ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT;
    gl.bindVertexArray(null);
    made.picture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, made.picture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, 1, 1, 0, gl.RGB, gl.UNSIGNED_BYTE, new Uint8Array([200, 200, 200]));
    made.ready = !jpeg ? Promise.resolve() : createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })).then((image) => {
      gl.bindTexture(gl.TEXTURE_2D, made.picture);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, image);
      gl.generateMipmap(gl.TEXTURE_2D);
      made.textured = 1;
      redraw();
    });
    return made;
  }

  move(surface, places, normals) {
    const gl = this.gl;
    for (const [target, data] of [[surface.places, places], [surface.normals, normals]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, target);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, data);
    }
  }

  // places: of any type, normalized when whole numbers; tints: bytes.
  mark(places, tints) {
    const gl = this.gl, array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const whole = places instanceof Uint16Array;
    attribute(gl, 0, places, 3, whole ? gl.UNSIGNED_SHORT : gl.FLOAT, whole);
    attribute(gl, 1, tints, 3, gl.UNSIGNED_BYTE, true);
    gl.bindVertexArray(null);
    return { array, count: places.length / 3 };
  }

  begin(width, height) {
    this.gl.viewport(0, 0, width, height);
    this.gl.clear(this.gl.COLOR_BUFFER_BIT | this.gl.DEPTH_BUFFER_BIT);
  }

  drawSurface(surface, view, bones, color, shadow) {
    const gl = this.gl, at = this.surfaces.at;
    gl.useProgram(this.surfaces.made);
    gl.uniformMatrix4fv(at.view, false, view);
    gl.uniformMatrix4fv(at.bones, false, bones);
    gl.uniform3fv(at.color, shadow ? [0.8, 0.815, 0.835] : color);
    gl.uniform3fv(at.light, LIGHT);
    gl.uniform1f(at.flat_z, shadow ? 0.003 : -1e6);
    gl.uniform1f(at.mode, shadow ? 2 : surface.textured);
    gl.bindTexture(gl.TEXTURE_2D, surface.picture);
    gl.bindVertexArray(surface.array);
    gl.drawElements(gl.TRIANGLES, surface.count, surface.type, 0);
  }

  drawMarks(marks, view, { low = [0, 0, 0], extent = [1, 1, 1], size = 0, lines = false }) {
    const gl = this.gl, at = this.marks.at;
    gl.useProgram(this.marks.made);
    gl.uniformMatrix4fv(at.view, false, view);
    gl.uniform3fv(at.low, low);
    gl.uniform3fv(at.extent, extent);
    gl.uniform1f(at.size, size);
    gl.bindVertexArray(marks.array);
    gl.drawArrays(lines ? gl.LINES : gl.POINTS, 0, marks.count);
  }
}
