// The MariaDB that the tests are given: a real one, on a port of this host, under a service manager of the tests' own.

const given = (name: string): string => process.env[`BACKSTAY_TEST_MYSQL_${name}`] ?? "";

export const database = {
  port: Number(given("PORT")),
  user: given("USER"),
  password: given("PASSWORD"),
  /** The program that stops and starts it. */
  systemctl: given("SYSTEMCTL"),
  service: given("SERVICE"),
};

/** Whether there is none. On a CI machine that is a fault. */
export function isWithout(): boolean {
  const missing = ["PORT", "USER", "PASSWORD", "SYSTEMCTL", "SERVICE"].filter((name) => given(name) === "");
  if (missing.length > 0 && process.env.CI === "true") {
    throw new Error(`BACKSTAY_TEST_MYSQL_${missing.join(", _")} have to tell of a MariaDB: cargo test -p backstay --test browser starts one`);
  }
  return missing.length > 0;
}

/** What a connection is told to reach it. */
export const settings = () => ({
  type: "mysql",
  host: "127.0.0.1",
  port: database.port,
  user: database.user,
  password: database.password,
});

/** How it is stopped and started. */
export function method() {
  const { systemctl: program, service } = database;
  const command = (verb: string) => ({ program, arguments: [verb, "--", service] });
  return { type: "cold", service: { commands: { stop: command("stop"), start: command("start") } } };
}
