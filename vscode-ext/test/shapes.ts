/** Checks values against the interfaces of `protocol.ts`, key by key: a key that either side lacks is a failure. */

import assert from "node:assert/strict";

type Check = (value: unknown, where: string) => void;
/** One check for every key of an interface, those that may be missing too. */
export type Shape<T> = { readonly [K in keyof Required<T>]: Check };

export const text: Check = (value, where) => assert.equal(typeof value, "string", where);
export const number: Check = (value, where) => assert.equal(typeof value, "number", where);
export const truth: Check = (value, where) => assert.equal(typeof value, "boolean", where);

export const oneOf =
  (...choices: readonly unknown[]): Check =>
  (value, where) =>
    assert.ok(choices.includes(value), `${where}: ${String(value)} is none of ${choices.join(", ")}`);

export const orNull =
  (check: Check): Check =>
  (value, where) =>
    value === null || check(value, where);

export const list =
  (check: Check): Check =>
  (value, where) => {
    assert.ok(Array.isArray(value), `${where}: a list is expected`);
    value.forEach((item, at) => check(item, `${where}[${at}]`));
  };

/** An object with these keys at least: the server may say more than the extension reads. */
export function shape<T>(checks: Shape<T>): Check {
  return (value, where) => {
    assert.ok(typeof value === "object" && value !== null, `${where}: an object is expected`);
    for (const [key, check] of Object.entries<Check>(checks)) {
      assert.ok(key in value, `${where}.${key} is missing`);
      check((value as Record<string, unknown>)[key], `${where}.${key}`);
    }
  };
}
