import type { records as En } from "../en/records";

export const records: typeof En = {};
