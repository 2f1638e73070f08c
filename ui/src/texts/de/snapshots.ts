import type { snapshots as En } from "../en/snapshots";

export const snapshots: typeof En = {};
