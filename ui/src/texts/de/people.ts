import type { people as En } from "../en/people";

export const people: typeof En = {};
