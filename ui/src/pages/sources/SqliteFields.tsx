import { Fields, MoreFields, TextField } from "../../components/fields";
import { useTexts } from "../../texts";
import { PathsField } from "./PathsField";

/** What a source of databases of SQLite is asked for. */
export function SqliteFields() {
  const { mysql, records, sqlite: words } = useTexts();
  return (
    <>
      <Fields title={words.databases} hint={words.hint}>
        <PathsField name="sqlite.databases" hint={words.treeHint} isOnlyFiles />
      </Fields>
      <MoreFields title={records.more}>
        <TextField name="sqlite.spool" label={mysql.spool} hint={mysql.spoolHint} spellCheck={false} />
      </MoreFields>
    </>
  );
}
