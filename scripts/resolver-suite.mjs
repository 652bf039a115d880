// Runs GS1's resolver test suite, a script for a page, against one Digital Link: node resolver-suite.mjs FOLDER URL
//
// Stands for what the suite expects around it: a document to write its results into, the PHP script by which it fetches without a
// browser's rules, the schemas and the list of link types that GS1 publishes. The suite's own code runs unchanged.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import https from "node:https";
import { join } from "node:path";
import vm from "node:vm";

const [folder, link] = process.argv.slice(2);
const require = createRequire(join(process.env.NODE_PATH, "x"));
const Ajv = require("ajv").default;

/** One request, without following: `{status, message, headers, body}`. Of a header that comes in several lines the last counts, as in the PHP. */
function ask(url, { method = "GET", headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method, headers: { Accept: "*/*", ...headers } }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("end", () => {
        const lines = {};
        for (let at = 0; at < answer.rawHeaders.length; at += 2) lines[answer.rawHeaders[at]] = answer.rawHeaders[at + 1];
        resolve({ status: answer.statusCode, message: answer.statusMessage, headers: lines, body: Buffer.concat(pieces).toString() });
      });
    });
    request.on("error", reject);
    request.end();
  });
}

// --- tester.php

const ORIGIN = "https://ref.gs1.org/test-suites/resolver/";

async function tester(query) {
  const { test, testVal: url, mediaType, lang } = Object.fromEntries(new URLSearchParams(query));
  const told = ({ status, message, headers }) => ({ uri: url, httpCode: status, httpMsg: message, ...headers });
  const headers = { Origin: ORIGIN };
  if (mediaType) headers.Accept = mediaType;
  if (lang) headers["Accept-Language"] = lang;
  switch (test) {
    case "getHTTPversion":
      return { test, testVal: url, result: (await ask(url, { method: "HEAD" })) && "HTTP/1.1" };
    case "getAllHeaders":
      return { test, testVal: url, result: told(await ask(url, { headers })) };
    case "getLinksetHeaders":
      return { test, testVal: url, result: told(await ask(url, { headers: { Origin: ORIGIN, Accept: "application/linkset+json" } })) };
    case "getCorsHeaders":
      return { test, testVal: url, result: told(await ask(url, { method: "OPTIONS", headers: { Origin: ORIGIN, "Access-Control-Request-Method": "GET" } })) };
    case "getLinkset": {
      const answer = await ask(url, { headers: { Origin: ORIGIN, Accept: "application/linkset+json" } });
      const result = { uri: url, httpCode: answer.status, httpMsg: answer.message, headers: answer.headers, responseBody: encodeURIComponent(answer.body) };
      return { test, testVal: url, result: JSON.stringify(result) };
    }
    default:
      throw new Error(`the suite asks for the test ${test}, which this script does not know`);
  }
}

// --- What GS1 publishes

const url = { type: "string", pattern: "^https?://[^ ]+$" };
const text = { type: "string", minLength: 1 };

/** A linkset as RFC 9264 §4.2 and GS1's resolver standard have it. */
const LINKSET = {
  type: "object",
  required: ["linkset"],
  additionalProperties: false,
  properties: {
    linkset: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["anchor", "itemDescription"],
        properties: { anchor: url, itemDescription: { type: "string" } },
        patternProperties: {
          "^https?://": {
            type: "array",
            minItems: 1,
            items: {
              type: "object",
              required: ["href", "title"],
              additionalProperties: false,
              properties: {
                href: url,
                title: text,
                type: { type: "string", pattern: "^\\w+/[-+.\\w]+$" },
                hreflang: { type: "array", items: { type: "string", pattern: "^\\w{2}(-\\w{2})?$" } },
                context: { type: "array" },
              },
            },
          },
        },
        additionalProperties: false,
      },
    },
  },
};

/** A resolver description file, with the members that the standard requires. */
const DESCRIPTION = {
  type: "object",
  required: ["resolverRoot", "supportedPrimaryKeys"],
  properties: {
    name: text,
    resolverRoot: url,
    supportedPrimaryKeys: { type: "array", minItems: 1, items: { type: "string", pattern: "^(all|[0-9]{2,4})$" } },
    supportedLinkType: {
      type: "array",
      items: { type: "object", required: ["namespace", "prefix"], properties: { namespace: url, prefix: text } },
    },
    linkTypeDefaultCanBeLinkset: { type: "boolean" },
  },
};

/** Link types of the GS1 Web Vocabulary that a node may name. */
const LINK_TYPES = [
  "activityIdeas", "certificationInfo", "consumerHandlingStorageInfo", "defaultLink", "defaultLinkMulti", "dpp", "epcis", "epil",
  "handledBy", "hasRetailers", "homepage", "instructions", "jws", "leaveReview", "locationInfo", "loyaltyProgram", "masterData",
  "menuInfo", "nutritionalInfo", "openingHoursInfo", "pip", "productSustainabilityInfo", "promotion", "purchaseSuppliesOrAccessories",
  "quickStartGuide", "recallStatus", "recipeInfo", "registerProduct", "registryEntry", "relatedImage", "relatedVideo", "review",
  "safetyInfo", "scheduleTime", "serviceInfo", "smartLabel", "smpc", "socialMedia", "subscribe", "support", "sustainabilityInfo",
  "traceability", "tutorial", "userAgreement", "verificationService", "whatsInTheBox",
];

/** GS1's own schema instead of the one above, if its file (of https://github.com/gs1/linkset) was put beside the suite. */
const OWN_SCHEMA = join(folder, "gs1-linkset-schema.json");

const PUBLISHED = {
  "https://ref.gs1.org/standards/resolver/description-file-schema": DESCRIPTION,
  "https://gs1.github.io/linkset/gs1-linkset-schema.json": existsSync(OWN_SCHEMA) ? JSON.parse(readFileSync(OWN_SCHEMA, "utf8")) : LINKSET,
  "https://ref.gs1.org/voc/data/linktypes": Object.fromEntries(LINK_TYPES.map((name) => [name, {}])),
};

// --- A browser

async function browserFetch(asked, options = {}) {
  const { url: address, method = "GET", headers } = typeof asked === "string" ? { url: asked, ...options } : asked;
  const json = (body, status = 200) => ({ ok: status < 400, status, statusText: "", json: async () => body });
  if (PUBLISHED[address]) return json(structuredClone(PUBLISHED[address]));
  if (/\/tester\.php\?/.test(address)) return json(await tester(address.slice(address.indexOf("?") + 1)));
  const plain = headers instanceof Headers ? Object.fromEntries(headers) : (headers ?? {});
  const answer = await ask(address, { method, headers: plain });
  return { ok: answer.status < 400, status: answer.status, statusText: answer.message, json: async () => JSON.parse(answer.body) };
}

const element = () => ({ style: {}, appendChild: (child) => child, prepend() {}, remove() {} });
const elements = new Map();
const document = {
  getElementById: (id) => elements.get(id) ?? elements.set(id, element()).get(id),
  createElement: element,
  createTextNode: (data) => ({ data }),
};
class Request {
  constructor(address, options) {
    Object.assign(this, { url: address, ...options });
  }
}

const quiet = { log() {}, error: (...words) => console.error(...words), warn() {} };
const context = vm.createContext({
  document, Request, Headers, URL, URLSearchParams, fetch: browserFetch, console: process.env.SUITE_LOG ? console : quiet,
  window: { ajv7: class extends Ajv {} }, location: { href: "https://suite.example/?" }, setTimeout,
});
for (const file of ["GS1DigitalLinkToolkit.js", "GS1DigitalLinkResolverTestSuite.js"]) {
  vm.runInContext(readFileSync(join(folder, file), "utf8"), context, { filename: file });
}
await vm.runInContext(`testDL(${JSON.stringify(link)})`, context);
// Two of its tests are not awaited by the suite.
await new Promise((resolve) => setTimeout(resolve, 1_000));
const results = vm.runInContext("resultsArray.map(({ id, status, msg }) => ({ id, status, msg }))", context);
const count = (status) => results.filter((result) => result.status === status).length;
for (const { id, status, msg } of results) if (status !== "pass" || process.env.SUITE_ALL) console.log(`  ${status} ${id}: ${msg}`);
console.log(`${new URL(link).pathname}: ${count("pass")} pass, ${count("fail")} fail, ${count("warn")} warn`);
process.exitCode = results.length > 0 && count("fail") + count("warn") === 0 ? 0 : 1;
