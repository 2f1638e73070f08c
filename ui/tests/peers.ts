// Peers of this host that the tests are given.

/** What is told of one, by the end of its variable's name. On a CI machine it is a fault when there is none. */
export function given(name: string): string {
  const value = process.env[`BACKSTAY_TEST_${name}`] ?? "";
  if (value === "" && process.env.CI === "true") {
    throw new Error(`BACKSTAY_TEST_${name} has to be told: cargo test -p backstay --test browser does`);
  }
  return value;
}
