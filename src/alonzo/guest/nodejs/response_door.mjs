// Custom resources answer CloudFormation at a URL of which some take the host and the path alone: by HTTPS, to port 443, where nothing of
// Alonzo's listens. The host is a loopback address that says the port: 127.66.HIGH.LOW (`edge/response_door.py`). TLS is the handler's own.

import { Socket } from "node:net";

const ADDRESS = /^127\.66\.(\d{1,3})\.(\d{1,3})$/;
const HTTPS_PORT = 443;

const { connect } = Socket.prototype;

/** As Node.js' own, which is called with options, with a port and a host, or with both in an array by its own modules. */
Socket.prototype.connect = function (...args) {
  const [first] = args;
  if (Array.isArray(first)) first[0] = redirect(first[0]);
  else if (typeof first === "object" && first !== null) args[0] = redirect(first);
  else if (typeof args[1] === "string") args[0] = redirect({ port: first, host: args[1] }).port;
  return connect.apply(this, args);
};

function redirect(options) {
  const address = Number(options?.port) === HTTPS_PORT && ADDRESS.exec(options.host);
  return address ? { ...options, port: Number(address[1]) * 256 + Number(address[2]) } : options;
}
