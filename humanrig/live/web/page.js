"use strict";
const TOKEN = document.querySelector("meta[name=rig-token]").content;
const OLD_S = 1.0;  // a stream without a frame for this long is drawn as lost
const $ = (id) => document.getElementById(id);
const tiles = new Map();
let asked = null;  // what the button was pressed for, until the state shows it
let refused = "";

function element(name, text, cls) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (cls) made.className = cls;
  return made;
}

function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function clockText(state) {
  const parts = [];
  if (state.state === "recording" || state.state === "stopping") {
    parts.push(minutes(state.seconds) + (state.planned_s ? ` of ${minutes(state.planned_s)}` : ""));
  }
  if (state.disk_free_bytes !== null) parts.push(`${(state.disk_free_bytes / 1e9).toFixed(0)} GB free`);
  if (state.disk_left_s !== null) parts.push(`room for ${minutes(state.disk_left_s)}`);
  return parts.join(" · ");
}

function showState(state) {
  document.querySelector("header").className = state.state;
  $("state").textContent = state.state;
  const who = [state.subject && `subject ${state.subject}`, state.action && `action ${state.action}`];
  $("session").textContent = [state.session, ...who].filter(Boolean).join(" · ");
  $("clock").textContent = clockText(state);
  const counting = state.state === "countdown";
  $("prompt").textContent = counting ? `${Math.ceil(state.countdown_s)} — ${state.prompt}` : state.prompt;
  $("next").textContent = state.next_prompt ? `next: ${state.next_prompt}` : "";
  if (asked && asked !== state.state) asked = null;
  const button = $("button");
  const stops = state.state === "recording" || counting;
  button.textContent = stops ? "stop" : "start";
  button.className = stops ? "stop" : "start";
  button.disabled = state.state === "stopping" || asked !== null;
  button.dataset.state = state.state;
  if (state.state !== "idle") refused = "";
}

function showLists(state) {
  const problems = refused ? [refused, ...state.problems] : state.problems;
  $("problems").replaceChildren(...problems.map((text) => element("li", text)));
  $("events").replaceChildren(...state.events.map((text) => element("li", text)));
  $("lamps").replaceChildren(...state.devices.map((device) => {
    const row = element("li", "", device.light);
    const words = element("div", device.device);
    const notes = [device.text];
    if (device.dropped) notes.push(`${device.dropped} lost in all`);
    if (device.temperature_c !== null) notes.push(`${device.temperature_c.toFixed(0)} °C`);
    words.append(element("small", notes.join(" · ")));
    row.append(element("i"), words);
    row.dataset.device = device.device;
    return row;
  }));
  const verdict = $("verdict");
  verdict.hidden = !state.verdict || state.state !== "idle";
  if (state.verdict) {
    verdict.className = state.verdict.keep ? "keep" : "repeat";
    const head = `${state.verdict.keep ? "keep" : "repeat"} ${state.verdict.session}`;
    const lines = state.verdict.lines.map((line, k) => k ? line : line.replace(/^(keep|repeat):\s*/i, ""));
    verdict.replaceChildren(element("strong", head), ...lines.map((line) => element("p", line)));
  }
}

function showStreams(streams) {
  const present = new Set();
  for (const stream of streams.filter((each) => each.tile)) {
    present.add(stream.name);
    if (!tiles.has(stream.name)) tiles.set(stream.name, makeTile(stream));
    const tile = tiles.get(stream.name);
    tile.rate.textContent = `${stream.rate_hz.toFixed(0)} Hz`;
    tile.figure.classList.toggle("old", stream.age_s === null || stream.age_s > OLD_S);
  }
  for (const [name, tile] of tiles) if (!present.has(name)) { tile.figure.remove(); tiles.delete(name); }
}

function showBoard(board) {
  $("board").hidden = !board;
  if (!board) return;
  $("board-next").textContent = board.next;
  const notes = [`${board.boards} places of the board`, board.solve_problem, board.problem];
  $("board-line").textContent = notes.filter(Boolean).join(" · ");
  $("board-cameras").replaceChildren(...board.cameras.map((camera) => {
    const row = element("li", "", sigmaClass(camera));
    row.append(element("strong", camera.name), cells(camera.cells));
    const known = camera.sigma_mm === null ? "not known yet" : `±${camera.sigma_mm.toFixed(1)} mm`;
    row.append(element("b", known), element("small", `${camera.views} views, ${camera.together} shared`));
    if (camera.unsolved) row.append(element("small", camera.unsolved));
    row.dataset.camera = camera.name;
    return row;
  }));
  showPairs(board.pairs);
}

function sigmaClass(camera) {
  if (camera.sigma_mm === null) return "unknown";
  return camera.sigma_mm <= 1 ? "good" : camera.sigma_mm <= 3 ? "near" : "far";
}

function cells(rows) {
  const grid = element("div", "", "cells");
  grid.style.gridTemplateColumns = `repeat(${rows.length ? rows[0].length : 1}, 1fr)`;
  for (const row of rows) for (const seen of row) grid.append(element("i", "", seen ? "seen" : ""));
  return grid;
}

function showPairs(pairs) {
  const names = [...new Set(pairs.flatMap((pair) => [pair.a, pair.b]))].sort();
  const count = new Map(pairs.flatMap((p) => [[`${p.a} ${p.b}`, p.boards], [`${p.b} ${p.a}`, p.boards]]));
  const head = element("tr");
  head.append(element("th", names.length ? "seen together" : ""), ...names.map((name) => element("th", name)));
  $("board-pairs").replaceChildren(head, ...names.map((a) => {
    const row = element("tr");
    row.append(element("th", a), ...names.map((b) => {
      const boards = a === b ? null : count.get(`${a} ${b}`) || 0;
      return element("td", boards === null ? "·" : String(boards), boards === null ? "" : boards ? "tied" : "untied");
    }));
    return row;
  }));
}

function makeTile(stream) {
  const figure = element("figure");
  const image = element("img");
  image.alt = stream.name;
  image.style.aspectRatio = stream.aspect;
  const caption = element("figcaption");
  const rate = element("span");
  caption.append(element("span", stream.name), rate);
  figure.append(image, caption);
  figure.dataset.stream = stream.name;
  $("tiles").append(figure);
  return {figure, image, rate, url: ""};
}

function showTile(bytes) {
  const end = bytes.indexOf(10);
  const tile = tiles.get(new TextDecoder().decode(bytes.subarray(0, end)));
  if (!tile) return;
  const url = URL.createObjectURL(new Blob([bytes.subarray(end + 1)], {type: "image/jpeg"}));
  tile.image.src = url;
  tile.image.classList.add("drawn");
  if (tile.url) URL.revokeObjectURL(tile.url);
  tile.url = url;
}

function connect() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => {
    if (typeof event.data !== "string") { showTile(new Uint8Array(event.data)); return; }
    const state = JSON.parse(event.data);
    showState(state);
    showLists(state);
    showStreams(state.streams);
    showBoard(state.board);
  };
  socket.onclose = () => {
    document.querySelector("header").className = "lost";
    $("state").textContent = "no connection";
    $("clock").textContent = "the rig's program ended or another page took its place; recording does not depend on this page";
    $("button").disabled = true;
    for (const tile of tiles.values()) tile.figure.classList.add("old");
    setTimeout(connect, 1000);
  };
}

$("button").onclick = async () => {
  const state = $("button").dataset.state;
  const stops = state === "recording" || state === "countdown";
  $("button").disabled = true;
  asked = state;
  refused = "";
  try {
    const answer = await fetch(stops ? "/stop" : "/start", {method: "POST", headers: {"X-Rig-Token": TOKEN}});
    if (!answer.ok) {
      const text = await answer.text();
      try { refused = JSON.parse(text).error; } catch { refused = text; }
      asked = null;
    }
  } catch (error) {
    refused = "the rig's program does not answer";
    asked = null;
  }
};

connect();
