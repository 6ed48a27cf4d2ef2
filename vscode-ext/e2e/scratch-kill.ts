import { CodeServer, closeBrowser } from "./harness/codeServer.ts";
import { FRESH_HEAD, makeKnown, makeWorkspace, serverSettings } from "./harness/project.ts";
const known = makeKnown();
const { machine } = serverSettings(known);
const editor = await CodeServer.start({ machine });
const window = await editor.open(makeWorkspace({ "own.py": "" }));
try {
  await window.openFile("own.py");
  await window.isServed();
  for (let times = 0; times < 2; times += 1) {
    const [first] = editor.servers();
    process.kill(first!, "SIGKILL");
    for (let i = 0; i < 12; i++) { console.log((await window.status()).text, JSON.stringify(await window.notifications())); await new Promise((r) => setTimeout(r, 400)); }
    await window.until(async () => editor.servers(), ([id]) => id !== undefined && id !== first, "a new server");
    await window.isServed();
    console.log("served again", JSON.stringify(await window.notifications()));
  }
  await window.type(FRESH_HEAD);
  console.log(await window.ghostText());
  console.log(JSON.stringify(await window.notifications()));
} catch (e) { console.error(e); await window.page.screenshot({ path: "/work/run/vscode/kill.png" }); }
await editor.end(); await closeBrowser();
