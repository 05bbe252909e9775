// The web page agent: camera of any phone to JPEG to the rig, by the protocol of docs/phone.md. Colour only.
"use strict";

const $ = (id) => document.getElementById(id);
const KEPT_BYTES = 64e6; // frames that wait for the rig; beyond, new ones are dropped and their numbers stay unused
const RATE = 30, QUALITY = 0.9, RETRY_MS = 1000, REFUSED_MS = 5000;
const text = new TextEncoder();
const given = new URLSearchParams(location.hash.slice(1));
const now = () => Math.round(1000 * (performance.timeOrigin + performance.now())); // microseconds

const serial = (() => {
  try {
    const kept = localStorage.getItem("serial");
    if (kept) return kept;
    const made = "web-" + random();
    localStorage.setItem("serial", made);
    return made;
  } catch { return "web-" + random(); }
})();
const run = random();
let socket = null, camera = null, pinging = 0, refused = "";
let take = null; // {id, numbered, kept: [[number, bytes]], bytes, cursor, stopping, told, begun, lastUs, dropped}
let said = ""; // the picture size of hello
let asked = false; // whether the rig asked for frames on this connection

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
}

function show(state, title, detail) {
  document.body.dataset.state = state;
  $("state").textContent = title;
  $("detail").textContent = detail;
  $("recording").hidden = state !== "recording";
}

function checkNeeds() {
  const mark = (id, there) => { $(id).className = there ? "there" : "missing"; return there; };
  const secure = mark("need-secure", window.isSecureContext && !!navigator.mediaDevices);
  mark("need-token", given.has("token") || location.protocol === "http:");
  if (!secure) {
    show("refused", "This page is not secure", "The camera needs https with a trusted certificate; see below.");
    $("needs").open = true;
    $("connect").disabled = true;
  } else if (!("requestVideoFrameCallback" in HTMLVideoElement.prototype)) {
    show("refused", "This browser is too old", "It needs requestVideoFrameCallback: Safari 15.4, Chrome 83, Firefox 132.");
    $("connect").disabled = true;
  }
}

async function openCamera() {
  $("connect").disabled = true;
  $("connect").hidden = true;
  try {
    camera = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: RATE } },
    });
  } catch (error) {
    $("need-camera").className = "missing";
    $("needs").open = true;
    $("connect").disabled = $("connect").hidden = false;
    show("refused", "No camera", `${error.name}: allow the camera for this page and try again.`);
    return;
  }
  $("need-camera").className = "there";
  const video = $("video");
  video.srcObject = camera;
  await video.play();
  camera.getVideoTracks()[0].addEventListener("ended", () => problem("the camera was taken away; reload the page"));
  navigator.wakeLock?.request("screen").catch(() => {});
  video.requestVideoFrameCallback(expose);
  connect();
}

function connect() {
  show("connecting", "Connecting", `to ${location.host}`);
  const ws = socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/phone`);
  asked = false;
  ws.binaryType = "arraybuffer";
  ws.onopen = () => {
    const track = camera.getVideoTracks()[0], video = $("video");
    said = `${video.videoWidth}x${video.videoHeight}`;
    say({
      type: "hello", version: 1, serial, run, model: device(), app: "web page", camera: track.label.slice(0, 120),
      token: given.get("token") || "",
      streams: [{ kind: "color", rate_hz: track.getSettings().frameRate || RATE,
                  width: video.videoWidth, height: video.videoHeight }],
    });
  };
  ws.onmessage = (event) => hear(JSON.parse(event.data), now());
  ws.onclose = () => {
    clearInterval(pinging);
    if (socket !== ws) return;
    if (refused) {
      show("refused", "The rig refuses this phone", refused);
      $("needs").open = true;
      if (refused.includes("token")) $("need-token").className = "missing";
      refused = "";
      setTimeout(connect, REFUSED_MS);
      return;
    }
    show("broken", "Link broken", take ? "Frames are kept and sent when it is back." : "Trying again.");
    setTimeout(connect, RETRY_MS);
  };
}

function device() {
  return (/\(([^;)]+)/.exec(navigator.userAgent)?.[1] || "browser").slice(0, 120);
}

function say(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function problem(words) {
  say({ type: "problem", text: words });
}

function hear(message, receivedUs) {
  if (message.type === "welcome") {
    show("ready", "Ready", `Connected to ${message.host || location.host}. The rig starts and stops.`);
    const ping = () => say({ type: "ping", t0: now() });
    pinging = setInterval(ping, message.ping_every_ms);
  } else if (message.type === "pong") {
    say({ type: "sync", t0: message.t0, t1: message.t1, t2: message.t2, t3: receivedUs });
    $("rtt").textContent = `${((receivedUs - message.t0 - (message.t2 - message.t1)) / 1000).toFixed(1)} ms`;
  } else if (message.type === "start" || message.type === "stop") {
    if (take?.id !== message.take) {
      take = { id: message.take, numbered: message.next, kept: [], bytes: 0, cursor: message.next, stopping: false,
               told: false, begun: performance.now(), lastUs: 0, dropped: 0 };
    }
    if (message.type === "start" || !asked) {
      forget(message.next);
      take.cursor = message.next;
      take.told = false;
      asked = true;
      say({ type: "sending", take: take.id, next: message.next });
    }
    take.stopping = message.type === "stop";
    if (!take.stopping) show("recording", "Recording", "Keep the page in front.");
    pump();
  } else if (message.type === "ack") {
    if (take?.id === message.take) forget(message.next);
  } else if (message.type === "discard") {
    take = null;
    show("ready", "Ready", "The rig starts and stops.");
  } else if (message.type === "error") {
    if (document.body.dataset.state === "connecting") refused = message.text;
    else $("detail").textContent = message.text;
  }
  state();
}

function forget(upto) {
  while (take.kept.length && take.kept[0][0] < upto) take.bytes -= take.kept.shift()[1].byteLength;
}

let encoding = 0;
const canvas = document.createElement("canvas");
function expose(_, frame) {
  const video = $("video");
  video.requestVideoFrameCallback(expose);
  const mine = take, turned = said !== `${video.videoWidth}x${video.videoHeight}`;
  if (turned && !mine && socket?.readyState === WebSocket.OPEN) socket.close(); // says hello with the new size
  if (!mine || mine.stopping) return;
  // captureTime is when the camera took it; browsers without it tell when it was handed over: some frames later.
  const us = Math.round(1000 * (performance.timeOrigin + (frame.captureTime ?? frame.presentationTime)));
  if (us <= mine.lastUs) return;
  mine.lastUs = us;
  const number = mine.numbered++;
  if (turned && !mine.turned) problem("the phone was turned during the take; hold it as it was");
  if (!turned && mine.turned) problem("");
  mine.turned = turned;
  if (turned || mine.bytes > KEPT_BYTES || encoding > 2) { mine.dropped++; state(); return; }
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  encoding++;
  const place = [number, null];
  mine.kept.push(place);
  canvas.toBlob(async (blob) => {
    const data = blob ? await blob.arrayBuffer() : null;
    encoding--;
    if (data) {
      place[1] = message(mine.id, number, us / 1e6, data);
      mine.bytes += place[1].byteLength;
    } else {
      mine.kept.splice(mine.kept.indexOf(place), 1);
      mine.dropped++;
    }
    pump();
    state();
  }, "image/jpeg", QUALITY);
}

function message(id, number, timestamp_s, jpeg) {
  const header = text.encode(JSON.stringify({
    take: id, number, timestamp_s, parts: [{ kind: "color", encoding: "jpeg", bytes: jpeg.byteLength }],
  }));
  const whole = new Uint8Array(8 + header.length + jpeg.byteLength);
  whole.set(text.encode("HRP1"));
  new DataView(whole.buffer).setUint32(4, header.length);
  whole.set(header, 8);
  whole.set(new Uint8Array(jpeg), 8 + header.length);
  return whole;
}

function pump() {
  if (!take || !asked || socket?.readyState !== WebSocket.OPEN) return;
  for (const [number, data] of take.kept) {
    if (number < take.cursor) continue;
    if (!data || socket.bufferedAmount > 4e6) return; // in order: this one is still being encoded, or the link is full
    socket.send(data);
    take.cursor = number + 1;
  }
  if (take.stopping && !take.told && encoding === 0) {
    take.told = true;
    say({ type: "stopped", take: take.id, frames: take.numbered });
  }
}

function state() {
  const video = $("video");
  $("size").textContent = video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : "–";
  $("frames").textContent = take ? take.numbered + (take.dropped ? ` (−${take.dropped})` : "") : "–";
  $("waiting").textContent = take ? `${take.kept.length} · ${(take.bytes / 1e6).toFixed(1)} MB` : "–";
  if (take) {
    const s = Math.floor((performance.now() - take.begun) / 1000);
    $("clock").textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  }
}

document.addEventListener("visibilitychange", () =>
  problem(document.hidden ? "the page is not in front; bring it to the front" : ""));
$("connect").addEventListener("click", openCamera);
setInterval(() => { pump(); state(); }, 200);
checkNeeds();
if (given.has("go") && !$("connect").disabled) openCamera();
