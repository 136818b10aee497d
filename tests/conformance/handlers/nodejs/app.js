const { ACTIONS, stream } = require("./behaviours.js");

exports.echo = async (event) => event;
exports.act = async (event, context) => (event.do === "greet" ? require("layered").GREETING : ACTIONS[event.do](event, context));
exports.unserializable = async () => 1n;
exports.stream = awslambda.streamifyResponse(stream);
