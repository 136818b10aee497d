// Finds the handler that `_HANDLER` names: CommonJS or ES module, `directory/file.export.nested`.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { RuntimeError } from "./errors.mjs";

const require = createRequire(import.meta.url);
const IMPORTED_EXTENSIONS = [".mjs"];
const REQUIRED_EXTENSIONS = ["", ".js", ".cjs"];
const MISSING = new Set(["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"]);

/** The function; RuntimeError says what is wrong. `beforeImport` is called before the first ES module is loaded. */
export async function loadHandler(root, name, beforeImport) {
  if (name.includes("..")) throw new RuntimeError("Runtime.MalformedHandlerName", `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  const file = basename(name);
  const [stem, ...path] = file.split(".");
  if (path.length === 0 || !stem || path.includes("")) throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  const loaded = await loadModule(resolve(root, dirname(name), stem), beforeImport);
  const handler = path.reduce((value, key) => value?.[key], loaded) ?? path.reduce((value, key) => value?.[key], loaded.default ?? {});
  if (handler === undefined || handler === null) throw new RuntimeError("Runtime.HandlerNotFound", `${file} is undefined or not exported`);
  if (typeof handler !== "function") throw new RuntimeError("Runtime.HandlerNotFound", `${file} is not a function`);
  return handler;
}

async function loadModule(path, beforeImport) {
  const importFile = (file) => {
    beforeImport();
    return import(pathToFileURL(file).href);
  };
  try {
    return await findModule(path, importFile);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError("Runtime.UserCodeSyntaxError", String(error), error);
    if (MISSING.has(error?.code)) throw new RuntimeError("Runtime.ImportModuleError", String(error), error);
    throw error;
  }
}

async function findModule(path, importFile) {
  for (const extension of REQUIRED_EXTENSIONS) {
    if (extension && existsSync(path + extension)) return loadFile(path + extension, importFile);
  }
  for (const extension of IMPORTED_EXTENSIONS) {
    if (existsSync(path + extension)) return importFile(path + extension);
  }
  return require(path); // a directory with an index or a package.json; or the error that names what was looked for
}

async function loadFile(file, importFile) {
  try {
    return require(file);
  } catch (error) {
    // `require` says so of a file that its package.json makes an ES module, or that awaits at its top level.
    if (error?.code === "ERR_REQUIRE_ESM" || error?.code === "ERR_REQUIRE_ASYNC_MODULE") return importFile(file);
    throw error;
  }
}
