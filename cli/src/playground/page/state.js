// The state of the page in its link: after `#`, so that no server gets it.

const PARTS = ["config", "request", "response"];

async function through(bytes, stream) {
  const piped = new Blob([bytes]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

function toBase64Url(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** The fragment that stands for a state. */
export async function fragment(state) {
  const text = JSON.stringify(PARTS.map((part) => state[part]));
  const packed = await through(new TextEncoder().encode(text), new CompressionStream("deflate-raw"));
  return "#" + toBase64Url(packed);
}

/** The state that a fragment stands for; null: it stands for none. */
export async function state(fragment) {
  try {
    const unpacked = await through(fromBase64Url(fragment.slice(1)), new DecompressionStream("deflate-raw"));
    const values = JSON.parse(new TextDecoder().decode(unpacked));
    if (!Array.isArray(values) || values.length !== PARTS.length) return null;
    return Object.fromEntries(PARTS.map((part, index) => [part, String(values[index])]));
  } catch {
    return null;
  }
}
