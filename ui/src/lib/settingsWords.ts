import type { Texts } from "../texts/en";
import type { settingsSchema } from "./connection";

type Words = Parameters<typeof settingsSchema>[0];

/** What is said of settings of a connection that cannot be. */
export const settingsWords = ({ form, records, mysql, mongodb, keeping }: Texts): Words => ({
  required: form.required,
  path: records.absolute,
  endpoint: records.connection.endpointWrong,
  port: mysql.portWrong,
  host: records.receiver.hostWrong,
  fingerprint: records.receiver.fingerprintWrong,
  authority: records.receiver.authorityWrong,
  uri: mongodb.uriWrong,
  days: keeping.daysWrong,
});
