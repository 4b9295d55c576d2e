// Runs a codec's text anew for each frame, so that no variable and no global of one
// device's frame is left for the next one's. Evaluated once; answers a function of one JSON text.
(function (make) {
  "use strict";
  const { parse, stringify } = JSON;
  const Promised = Promise;
  const names = Reflect.ownKeys;
  const most = 65536; // characters of a result
  const quiet = () => undefined;
  const silent = {
    log: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, trace: quiet,
  };
  const ours = new Set(names(globalThis));

  function entries() {
    globalThis.console = { ...silent };
    globalThis.module = { exports: {} };
    globalThis.exports = globalThis.module.exports;
    const found = make.call(globalThis);
    const exported = globalThis.module.exports;
    for (const name of Object.keys(found)) {
      if (typeof found[name] === "function") continue;
      found[name] = exported && exported[name];
      if (typeof found[name] !== "function") delete found[name];
    }
    return found;
  }

  function decoded(found, call) {
    const { bytes, fPort, variables } = call;
    const recvTime = new Date(call.recvTime);
    if (found.decodeUplink) {
      return found.decodeUplink({ bytes, fPort, recvTime, variables });
    }
    if (found.Decoder) return { data: found.Decoder(bytes, fPort) };
    if (found.Decode) return { data: found.Decode(fPort, bytes, variables) };
    throw "no decodeUplink, Decoder or Decode";
  }

  function encoded(found, call) {
    if (!found.encodeDownlink) throw "no encodeDownlink";
    return found.encodeDownlink({ data: call.data, variables: call.variables });
  }

  return function (text) {
    const call = parse(text);
    try {
      const found = entries();
      let result = Object.keys(found);
      if (call.how === "decode") result = decoded(found, call);
      if (call.how === "encode") result = encoded(found, call);
      if (result instanceof Promised || result?.data instanceof Promised) {
        throw "a promise; codecs answer at once";
      }
      const said = stringify(result);
      if (said === undefined) return "null";
      if (said.length > most) {
        throw `a result of ${said.length} characters; ${most} at most`;
      }
      return said;
    } finally {
      for (const name of names(globalThis)) {
        if (!ours.has(name)) delete globalThis[name];
      }
    }
  };
})
