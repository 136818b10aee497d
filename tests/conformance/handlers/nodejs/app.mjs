import { createRequire } from "node:module";

import behaviours from "./behaviours.js";

// Imports do not look at NODE_PATH, where layers are: https://nodejs.org/api/esm.html#no-node_path
const require = createRequire(import.meta.url);
const { ACTIONS } = await behaviours;

export const echo = async (event) => event;
export const act = async (event, context) => (event.do === "greet" ? require("layered").GREETING : ACTIONS[event.do](event, context));
export const unserializable = async () => 1n;
export const stream = awslambda.streamifyResponse(behaviours.stream);
