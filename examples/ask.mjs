// Streams an answer, and cancels it on Ctrl-C: the provider's stream is closed at once.
//
//     npm install @msgpack/msgpack
//     node ask.mjs "Why is the sky blue?" [client:model]

import { once } from "node:events";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { decodeMultiStream, encode } from "@msgpack/msgpack";

const { LOKID_SOCK, XDG_RUNTIME_DIR, XDG_STATE_HOME } = process.env;
const state = XDG_STATE_HOME || path.join(os.homedir(), ".local/state");
const socket = LOKID_SOCK || (XDG_RUNTIME_DIR ? `${XDG_RUNTIME_DIR}/lokid/rpc.sock` : `${state}/lokid/run/rpc.sock`);
const HELLO = 0, CHAT = 1; // message ids

const [prompt, model = ""] = process.argv.slice(2);
const lokid = net.connect(socket);
await once(lokid, "connect").catch((error) => {
  console.error(`lokid does not run (${error.code}): lokictl daemon start`);
  process.exit(69);
});
lokid.on("error", () => {}); // then it ends, which is seen below
lokid.write(encode([0, HELLO, "hello", [{ client: "ask.mjs", errors: "map" }]]));
lokid.write(encode([0, CHAT, "chat", [{ model, prompt, stream: true }]]));
process.on("SIGINT", () => lokid.write(encode([2, "cancel", [CHAT]])));

let status; // until the answer comes
for await (const [kind, id, ...rest] of decodeMultiStream(lokid)) {
  if (kind === 2 && id === "chat.event") {
    const [[, event]] = rest;
    if (event.type === "text") process.stdout.write(event.text);
  } else if (kind === 1 && id === CHAT) {
    const [error, result] = rest;
    if (error) console.error(`\n${error.code}: ${error.message}`);
    else console.log(`\n[${result.model}, ${result.usage?.output_tokens ?? "?"} tokens, ${result.cost_usd ?? "?"} USD]`);
    if (result && result.finish_reason !== "stop") console.error(`the answer ended early: ${result.finish_reason}`);
    status = error ? 1 : 0;
    break;
  }
}
if (status === undefined) console.error("\nthe connection to lokid was lost");
lokid.destroy();
process.exitCode = status ?? 1;
