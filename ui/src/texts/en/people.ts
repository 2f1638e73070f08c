import { account } from "./account";

export const people = {
  account,
  roles: { viewer: "Viewer", operator: "Operator", admin: "Admin", owner: "Owner" },
  roleHints: {
    viewer: "sees names and states",
    operator: "starts and steers runs, looks into backups, restores",
    admin: "also changes plans, connections, sources, destinations and nodes",
    owner: "also manages people, keys, hooks and the project itself",
  },
  saved: "Saved.",
  actions: "Actions",
  allProjects: "All projects",
  idle: {
    title: "Are you still there?",
    hint: (left: string) => `You will be signed out in ${left}, because nothing was done here for a while.`,
    stay: "Stay signed in",
    leave: "Sign out now",
    over: "You were signed out",
    overHint: (length: string) => `Nothing was done here for ${length}. Sign in to go on where you were.`,
    signIn: "Sign in",
  },
};
