"""A headless chromium through its DevTools protocol: opens a page, evaluates, takes pictures, notes errors."""

import asyncio
import base64
import json
import shutil
import subprocess
import time
from contextlib import asynccontextmanager

import aiohttp

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
START_S = 40.0
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--remote-debugging-port=0",
)
WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Further flags for pages that draw with WebGL, in software."""
DRAWN_IN_SOFTWARE = "GPU stall due to ReadPixels"
"""What the browser itself says of speed when there is no graphics card; no fault of the page."""


class Page:
    """One tab."""

    def __init__(self, socket):
        self._socket, self._number, self._answers = socket, 0, {}
        self.errors = []
        self._reader = asyncio.create_task(self._read())

    async def call(self, method, **values):
        self._number += 1
        future = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": values})
        return await asyncio.wait_for(future, 30)

    async def open(self, url, width, height, *, mobile=False):
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.size(width, height, mobile=mobile)
        await self.call("Page.navigate", url=url)

    async def size(self, width, height, *, mobile=False):
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    async def value(self, expression):
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def until(self, expression, timeout_s=20.0):
        end = time.monotonic() + timeout_s
        while not (found := await self.value(expression)):
            assert time.monotonic() < end, f"never true: {expression}; errors: {self.errors}"
            await asyncio.sleep(0.1)
        return found

    async def picture(self, path, *, kind="png", quality=None):
        options = {"format": kind} if quality is None else {"format": kind, "quality": quality}
        path.write_bytes(base64.b64decode((await self.call("Page.captureScreenshot", **options))["data"]))

    async def _read(self):
        async for message in self._socket:
            values = json.loads(message.data)
            if "id" in values:
                future = self._answers.pop(values["id"])
                if not future.done():
                    future.set_result(values.get("result", {}))
                continue
            method, params = values["method"], values["params"]
            if method == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.errors.append(
                    f"{details.get('text')} {details.get('exception', {}).get('description', '')}".strip()
                )
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                self.errors.append(str(params["args"]))
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                if DRAWN_IN_SOFTWARE not in params["entry"]["text"]:
                    self.errors.append(params["entry"]["text"])
            elif method == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("http://127.0.0.1", "blob:", "data:", "about:")):
                    self.errors.append(f"asked for {url}")


@asynccontextmanager
async def browser_page(folder, flags=()):
    """A tab of a browser whose profile is in the folder, with further flags such as WEBGL."""
    process = subprocess.Popen(
        [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port_file, end = folder / "DevToolsActivePort", time.monotonic() + START_S
        while not (port_file.exists() and port_file.read_text().strip()):
            assert time.monotonic() < end, "chromium did not start"
            await asyncio.sleep(0.1)
        port = int(port_file.read_text().split()[0])
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{port}/json") as answer:
                tabs = [tab for tab in await answer.json() if tab["type"] == "page"]
            async with client.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        process.wait(20)
