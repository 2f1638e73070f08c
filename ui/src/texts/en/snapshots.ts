export const snapshots = {};
