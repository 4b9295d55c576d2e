// `Buffer` as codecs for ChirpStack and ThingPark use it: bytes with reads and writes by
// width and byte order, and as hex, base64 or text. Evaluated once, before the driver.
(function () {
  "use strict";
  const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const numbers = [ // name in Buffer, name in DataView, bytes
    ["UInt8", "Uint8", 1], ["Int8", "Int8", 1],
    ["UInt16", "Uint16", 2], ["Int16", "Int16", 2],
    ["UInt32", "Uint32", 4], ["Int32", "Int32", 4],
    ["Float", "Float32", 4], ["Double", "Float64", 8],
    ["BigUInt64", "BigUint64", 8], ["BigInt64", "BigInt64", 8],
  ];

  const latin = (bytes) => {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  };
  const codes = (text) => Array.from(text, (letter) => letter.charCodeAt(0) & 255);
  const plain = { read: codes, say: latin };
  const encodings = {
    hex: {
      read: (text) => {
        const found = [];
        for (let at = 0; at + 2 <= text.length; at += 2) {
          const pair = text.slice(at, at + 2);
          if (!/^[0-9a-f]{2}$/i.test(pair)) break;
          found.push(parseInt(pair, 16));
        }
        return found;
      },
      say: (bytes) =>
        Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    },
    base64: {
      read: (text) => {
        const found = [];
        let held = 0, bits = 0;
        for (const letter of text.replace(/-/g, "+").replace(/_/g, "/")) {
          const value = base64.indexOf(letter);
          if (value < 0) continue;
          held = ((held << 6) | value) & 0xffff;
          bits += 6;
          if (bits >= 8) found.push((held >> (bits -= 8)) & 255);
        }
        return found;
      },
      say: (bytes) => {
        let text = "";
        for (let at = 0; at < bytes.length; at += 3) {
          const left = bytes.length - at;
          const [one, two = 0, three = 0] = bytes.subarray(at, at + 3);
          const all = (one << 16) | (two << 8) | three;
          for (let n = 0; n < 4; n++) {
            text += n <= left ? base64[(all >> (18 - 6 * n)) & 63] : "=";
          }
        }
        return text;
      },
    },
    utf8: {
      read: (text) => codes(unescape(encodeURIComponent(text))),
      say: (bytes) => {
        try {
          return decodeURIComponent(escape(latin(bytes)));
        } catch {
          return latin(bytes).replace(/[^\0-\x7f]/g, "\ufffd");
        }
      },
    },
    latin1: plain, binary: plain, ascii: plain,
  };
  encodings["utf-8"] = encodings.utf8;

  function encoding(name = "utf8") {
    const found = encodings[String(name).toLowerCase()];
    if (!found) throw new TypeError(`Unknown encoding: ${name}`);
    return found;
  }

  class Buffer extends Uint8Array {
    static from(value, second, length) {
      if (typeof value === "string") return new Buffer(encoding(second).read(value));
      if (value instanceof ArrayBuffer) return new Buffer(value, second, length);
      return new Buffer(value.type === "Buffer" ? value.data : value);
    }
    static alloc(size, fill = 0) { return new Buffer(size).fill(fill); }
    static allocUnsafe(size) { return new Buffer(size); }
    static isBuffer(value) { return value instanceof Buffer; }
    static byteLength(value, name) { return Buffer.from(value, name).length; }
    static concat(list) { return new Buffer(list.flatMap((part) => [...part])); }

    slice(start, end) { return this.subarray(start, end); }
    equals(other) { return this.toString("hex") === Buffer.from(other).toString("hex"); }
    toJSON() { return { type: "Buffer", data: Array.from(this) }; }
    toString(name, start, end) { return encoding(name).say(this.subarray(start, end)); }
    write(text, at = 0, length = this.length - at, name = "utf8") {
      const bytes = encoding(name).read(text).slice(0, length);
      this.set(bytes, at);
      return bytes.length;
    }
    copy(target, to = 0, start = 0, end = this.length) {
      const part = this.subarray(start, Math.min(end, start + target.length - to));
      target.set(part, to);
      return part.length;
    }

    readUIntBE(at, size) { return whole(this, at, size).reduce(more, 0); }
    readUIntLE(at, size) { return whole(this, at, size).reduceRight(more, 0); }
    readIntBE(at, size) { return signed(this.readUIntBE(at, size), size); }
    readIntLE(at, size) { return signed(this.readUIntLE(at, size), size); }
  }

  function whole(buffer, at, size) {
    if (at + size > buffer.length) throw new RangeError("outside of the buffer");
    return buffer.subarray(at, at + size);
  }
  const more = (sum, byte) => sum * 256 + byte;
  function signed(value, size) {
    return value < 2 ** (8 * size - 1) ? value : value - 2 ** (8 * size);
  }
  const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.length);

  for (const [name, kind, size] of numbers) {
    for (const order of size === 1 ? [""] : ["LE", "BE"]) {
      const read = function (at = 0) { return view(this)["get" + kind](at, order === "LE"); };
      const write = function (value, at = 0) {
        view(this)["set" + kind](at, value, order === "LE");
        return at + size;
      };
      for (const spelt of new Set([name, name.replace("UInt", "Uint")])) {
        Buffer.prototype["read" + spelt + order] = read;
        Buffer.prototype["write" + spelt + order] = write;
      }
    }
  }
  globalThis.Buffer = Buffer;
})();
