// `import` finds packages in the directories of NODE_PATH, as `require` does: so it is on AWS, though not in Node.js itself
// (https://aws.amazon.com/blogs/compute/node-js-18-x-runtime-now-available-in-aws-lambda/).

import { readdirSync } from "node:fs";
import * as modules from "node:module";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const NOT_FOUND = "ERR_MODULE_NOT_FOUND";
const BARE = /^(?!\.{0,2}\/|[a-z][a-z0-9+.-]*:|#)/i; // a package's name: no path, no URL, nothing internal

/**
 * Have `import` search NODE_PATH. Returns what is to be called before an ES module is loaded.
 *
 * Before Node.js 22.15 the search needs a thread of its own, which takes longer to start than node itself: only ES modules get it.
 */
export function searchNodePath(nodePath) {
  const parents = (nodePath ?? "").split(":").filter(holdsPackages).map((directory) => pathToFileURL(join(dirname(directory), "parent.mjs")).href);
  if (parents.length === 0) return () => {};
  if (modules.registerHooks) {
    modules.registerHooks({ resolve: resolverInThread(parents) });
    return () => {};
  }
  let isRegistered = false;
  return () => {
    if (!isRegistered) modules.register?.(import.meta.url, { data: parents });
    isRegistered = true;
  };
}

function holdsPackages(directory) {
  try {
    return basename(directory) === "node_modules" && readdirSync(directory).length > 0;
  } catch {
    return false; // layers that the function does not have
  }
}

function resolverInThread(parents) {
  return (specifier, context, next) => {
    try {
      return next(specifier, context);
    } catch (error) {
      if (error?.code !== NOT_FOUND || !BARE.test(specifier)) throw error;
      for (const parentURL of parents) {
        try {
          return next(specifier, { ...context, parentURL });
        } catch (further) {
          if (further?.code !== NOT_FOUND) throw further;
        }
      }
      throw error;
    }
  };
}

// What the thread of its own, which loads this file too, calls (https://nodejs.org/api/module.html#customization-hooks).

let parentsOfThread = [];

export function initialize(parents) {
  parentsOfThread = parents;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error?.code !== NOT_FOUND || !BARE.test(specifier)) throw error;
    for (const parentURL of parentsOfThread) {
      try {
        return await next(specifier, { ...context, parentURL });
      } catch (further) {
        if (further?.code !== NOT_FOUND) throw further;
      }
    }
    throw error;
  }
}
