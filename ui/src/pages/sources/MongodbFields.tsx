import { CheckField, Fields, LinesField } from "../../components/fields";
import { useTexts } from "../../texts";
import { WayFields } from "./WayFields";

/** What a source that is a server of MongoDB is asked for. */
export function MongodbFields() {
  const words = useTexts().mongodb;
  return (
    <>
      <WayFields type="mongodb" title={words.title} hint={words.connectionHint} action="editConnections" />
      <Fields title={words.collections}>
        <LinesField name="mongodb.include" label={words.include} hint={words.includeHint} />
        <LinesField name="mongodb.exclude" label={words.exclude} hint={words.excludeHint} />
        <CheckField name="mongodb.oplog" label={words.oplog} hint={words.oplogHint} />
        <CheckField name="mongodb.users" label={words.users} hint={words.usersHint} />
      </Fields>
    </>
  );
}
