// A program that nobody of lokid wrote the wire format for: node:net and @msgpack/msgpack.
// Asks what its arguments say and prints every message that comes, as JSON, until the response is there.
//
//     node client.mjs SOCKET METHOD PARAMS_AS_JSON

import net from "node:net";
import { Encoder, decodeMultiStream } from "@msgpack/msgpack";

const [socket, method, params] = process.argv.slice(2);
const connection = net.connect(socket);
connection.write(new Encoder().encode([0, 1, method, [JSON.parse(params)]]));
for await (const message of decodeMultiStream(connection)) {
  console.log(JSON.stringify(message));
  if (message[0] === 1) break;
}
connection.destroy();
