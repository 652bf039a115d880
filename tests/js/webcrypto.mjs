// Node.js before 19 has WebCrypto, and does not show it where browsers do.

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
