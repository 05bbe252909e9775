// The page's side of a scene: what is drawn when, time, and what hands do.

function handle(stage, canvas, eye, redraw) {
  const down = new Map();
  let gap = 0;
  canvas.addEventListener("pointerdown", (event) => {
    stage.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [event.clientX, event.clientY]);
    gap = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before[0], dy = event.clientY - before[1];
    down.set(event.pointerId, [event.clientX, event.clientY]);
    if (down.size > 1) {
      const [a, b] = [...down.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (gap) eye.closer(gap / Math.max(now, 1));
      gap = now;
      eye.slide(dx / 2, dy / 2, canvas.clientHeight);
    } else if (event.shiftKey || event.buttons & 6) eye.slide(dx, dy, canvas.clientHeight);
    else eye.turn(dx, dy);
    redraw();
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, (event) => { down.delete(event.pointerId); gap = 0; });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== stage && !event.ctrlKey) return; // the page scrolls until the scene was touched
    event.preventDefault();
    eye.closer(Math.exp(0.0015 * event.deltaY * (event.deltaMode ? 30 : 1)));
    redraw();
  }, { passive: false });
}

function floorLines(low, high) {
  const places = [], [x0, y0, x1, y1] = [Math.floor(low[0]) - 1, Math.floor(low[1]) - 1, Math.ceil(high[0]) + 1, Math.ceil(high[1]) + 1];
  for (let x = x0; x <= x1; x++) places.push(x, y0, 0, x, y1, 0);
  for (let y = y0; y <= y1; y++) places.push(x0, y, 0, x1, y, 0);
  return new Float32Array(places);
}

function tints(count, color) {
  return Uint8Array.from({ length: count * 3 }, (_, n) => color[n % 3]);
}

function bounds(scene) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  const take = (x, y, z) => [x, y, z].forEach((v, a) => { low[a] = Math.min(low[a], v); high[a] = Math.max(high[a], v); });
  for (const about of scene.people) {
    const root = scene.get(about.root);
    for (let n = 0; n < root.length; n += 3) { take(root[n], root[n + 1], 0); take(root[n], root[n + 1], 1.7); }
  }
  if (!scene.people.length)
    for (const cloud of scene.clouds) { take(...cloud.low); take(...cloud.low.map((v, a) => v + 65535 * cloud.step[a])); }
  if (!isFinite(low[0])) for (const camera of scene.cameras) { take(...camera.place); take(camera.place[0], camera.place[1], 0); }
  return isFinite(low[0]) ? { low, high } : { low: [-1, -1, 0], high: [1, 1, 1.7] };
}

async function play(root) {
  const find = (name) => root.querySelector("." + name), canvas = root.querySelector("canvas"), stage = find("stage");
  const fail = (text) => { const line = find("failed"); line.textContent = text; line.hidden = false; root.dataset.failed = text; };
  if (typeof DecompressionStream === "undefined") return fail("The 3D scene needs a browser of 2023 or later.");
  const gl = canvas.getContext("webgl2", { antialias: true });
  if (!gl) return fail("The 3D scene needs WebGL 2, which this browser does not offer or has switched off.");
  const scene = await unpack(root.querySelector("script[type='application/octet-stream']").textContent);
  const { low, high } = bounds(scene), target = low.map((v, a) => (v + high[a]) / 2);
  const reach = Math.hypot(high[0] - low[0], high[1] - low[1]);
  const eye = new Eye(target, Math.max(3.1, 2.4 + 0.9 * reach), -0.9);
  let frame = 0, asked = false, playing = 0, drawn, show = { clouds: !scene.people.length, cameras: true };

  function build() {
    const renderer = new Renderer(gl), made = { renderer };
    made.people = scene.people.map((about) => new Person(scene, about, renderer, redraw));
    made.clouds = new Map(scene.clouds.map((c) => [c.frame, { ...c, extent: c.step.map((s) => 65535 * s), marks: renderer.mark(scene.get(c.points), scene.get(c.colors)) }]));
    made.cameras = scene.cameras.map((c) => renderer.mark(new Float32Array(c.lines), tints(c.lines.length / 3, c.marked ? [200, 0, 30] : [51, 102, 170])));
    const floor = floorLines(low, high);
    made.floor = renderer.mark(floor, tints(floor.length / 3, [205, 210, 217]));
    return made;
  }

  function draw() {
    asked = false;
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (!width || !height || gl.isContextLost()) return;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const view = eye.view(width / height), { renderer } = drawn;
    renderer.begin(width, height);
    renderer.drawMarks(drawn.floor, view, { lines: true });
    drawn.people.forEach((person, n) => {
      if (!person.there || !person.shown) return;
      const color = person.about.color.map((value) => value / 255);
      renderer.drawSurface(person.surface, view, person.bones, color, true);
      renderer.drawSurface(person.surface, view, person.bones, color, false);
    });
    const cloud = show.clouds && drawn.clouds.get(frame);
    if (cloud) renderer.drawMarks(cloud.marks, view, { ...cloud, size: 0.012 * height });
    if (show.cameras) for (const lines of drawn.cameras) renderer.drawMarks(lines, view, { lines: true });
    nameCameras(view);
    root.dataset.drawn = frame;
  }

  function redraw() {
    if (!asked) { asked = true; requestAnimationFrame(draw); }
  }

  const labels = scene.cameras.map((camera) => {
    const label = document.createElement("span");
    label.textContent = camera.name + (camera.marked ? ": " + camera.marked : "");
    label.className = camera.marked ? "marked" : "";
    return find("names").appendChild(label);
  });

  function nameCameras(view) {
    scene.cameras.forEach(({ place: [x, y, z] }, n) => {
      const of = (row) => view[row] * x + view[4 + row] * y + view[8 + row] * z + view[12 + row], w = of(3);
      const inside = show.cameras && w > 0.1 && Math.abs(of(0)) < w && Math.abs(of(1)) < w;
      labels[n].hidden = !inside;
      if (inside) labels[n].style.transform = `translate(${(0.5 + of(0) / w / 2) * canvas.clientWidth + 5}px, ${(0.5 - of(1) / w / 2) * canvas.clientHeight - 8}px)`;
    });
  }

  function go(to) {
    frame = Math.max(0, Math.min(scene.instants.length - 1, to));
    for (const person of drawn.people) person.pose(frame);
    find("time").value = frame;
    const cloud = show.clouds && scene.clouds.length && !drawn.clouds.has(frame) ? ", no cloud here" : "";
    find("told").textContent = scene.instants.length ? `instant ${scene.instants[frame]}, ${scene.seconds[frame].toFixed(2)} s${cloud}` : "";
    root.dataset.frame = frame;
    redraw();
  }

  function nearestCloud(from) {
    const frames = scene.clouds.map((c) => c.frame).sort((a, b) => Math.abs(a - from) - Math.abs(b - from));
    return show.clouds && frames.length ? frames[0] : from;
  }

  function run(on) {
    cancelAnimationFrame(playing);
    playing = 0;
    find("play").innerHTML = on ? "&#10074;&#10074;" : "&#9654;";
    if (!on) return go(nearestCloud(frame));
    if (frame === scene.instants.length - 1) go(0);
    const seconds = scene.seconds, length = seconds[seconds.length - 1];
    const speed = Math.max(1, length / seconds.length / 0.1); // of a thinned out clip, ten frames a second
    const since = performance.now() - 1000 * seconds[frame] / speed;
    const step = (now) => {
      const at = ((now - since) / 1000 * speed) % (length + 0.5 * speed);
      let next = frame <= 0 || seconds[frame] > at ? 0 : frame;
      while (next + 1 < seconds.length && seconds[next + 1] <= at) next++;
      if (next !== frame) go(next);
      playing = requestAnimationFrame(step);
    };
    playing = requestAnimationFrame(step);
  }

  function choice(text, on, change, color) {
    const label = document.createElement("label"), box = document.createElement("input"), word = document.createElement("span");
    Object.assign(box, { type: "checkbox", checked: on, onchange: () => { change(box.checked); go(frame); } });
    label.append(box);
    if (color) { const patch = document.createElement("i"); patch.style.background = `rgb(${color})`; label.append(patch); }
    word.textContent = text;
    label.append(word);
    find("shown").append(label);
  }

  drawn = build();
  if (drawn.people.length) eye.azimuth = drawn.people[0].facing() + 0.5;
  drawn.people.forEach((person, n) => choice(person.about.name, true, (on) => { drawn.people[n].shown = on; }, person.about.texture ? null : person.about.color));
  if (scene.clouds.length) choice("cloud", show.clouds, (on) => { show.clouds = on; if (on && !playing) frame = nearestCloud(frame); });
  if (scene.cameras.length) choice("cameras", true, (on) => { show.cameras = on; });
  const ways = document.createElement("span");
  ways.className = "note";
  ways.textContent = WAYS;
  find("shown").append(ways);
  find("shown").hidden = false;
  find("bar").hidden = scene.instants.length < 2;
  find("time").max = Math.max(0, scene.instants.length - 1);
  find("time").addEventListener("input", (event) => { if (playing) run(false); go(Number(event.target.value)); });
  find("play").addEventListener("click", () => run(!playing));
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { run(false); go(frame + step); }
    if (event.key === " ") run(!playing);
    if (step || event.key === " ") event.preventDefault();
  });
  handle(stage, canvas, eye, redraw);
  new ResizeObserver(redraw).observe(stage);
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => { const shown = drawn.people.map((p) => p.shown); drawn = build(); shown.forEach((on, n) => { drawn.people[n].shown = on; }); go(frame); });
  go(nearestCloud(0));
  await Promise.all(drawn.people.map((person) => person.surface.ready));
  root.dataset.ready = scene.instants.length;
}
