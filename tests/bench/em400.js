// The bench's own: the EM400 table as a payload codec, for the price of JavaScript.
function decodeUplink(input) {
  const bytes = input.bytes;
  const data = {};
  const u16 = (at) => bytes[at] | (bytes[at + 1] << 8);
  const s16 = (at) => (u16(at) << 16) >> 16;
  let at = 0;
  while (at < bytes.length) {
    const key = (bytes[at] << 8) | bytes[at + 1];
    at += 2;
    switch (key) {
      case 0x0175: data.battery = bytes[at]; at += 1; break;
      case 0x0367: data.temperature = s16(at) / 10; at += 2; break;
      case 0x0482: data.distance = u16(at); at += 2; break;
      case 0x0500: data.tilted = bytes[at] === 1; at += 1; break;
      default: return { errors: ["unknown channel " + key.toString(16)] };
    }
  }
  return { data };
}
