import { zodResolver } from "@hookform/resolvers/zod";
import { useMemo } from "react";
import { useForm } from "react-hook-form";

import { useMay } from "../../api/roles";
import { useMakeConnection } from "../../api/useMakeConnection";
import { ChoiceField } from "../../components/ChoiceField";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { NodeField, ProjectField } from "../../components/Where";
import { NEW } from "../../lib/destination";
import { SOURCE_TYPES, isService } from "../../lib/search";
import { settingsWords } from "../../lib/settingsWords";
import { fieldOf, sourceSchema, type SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { BucketFields } from "./BucketFields";
import { FilesFields } from "./FilesFields";
import { InstanceFields } from "./InstanceFields";
import { MongodbFields } from "./MongodbFields";
import { SqliteFields } from "./SqliteFields";

type Props<R> = {
  values: SourceValues;
  isNew: boolean;
  save: (values: SourceValues) => Promise<R>;
  saved: (told: R) => void;
  reload?: () => void;
};

/** What is stopped for a backup, and by which commands, is an owner's to decide. */
export function SourceForm<R>({ values, isNew, save, ...rest }: Props<R>) {
  const texts = useTexts();
  const words = texts.records;
  const schema = useSchema();
  const form = useForm<SourceValues>({ defaultValues: values, resolver: zodResolver(schema) });
  const make = useMakeConnection();
  const [project, type, mysql, mongodb, s3] = form.watch(["project", "type", "mysql.connection", "mongodb.connection", "s3.connection"]);
  const mayStop = useMay("editHooks", project);
  const isInstance = type === "mysql";
  const isBarred = isInstance && isNew && !mayStop;
  const makes = isService(type) && { mysql, mongodb, s3 }[type] === NEW;
  const nodeHints = {
    files: words.source.nodeHint,
    mysql: texts.mysql.nodeHint,
    mongodb: texts.mongodb.nodeHint,
    sqlite: texts.sqlite.nodeHint,
    s3: texts.bucket.nodeHint,
  };
  const saveBoth = async (entered: SourceValues) => {
    const { type } = entered;
    if (!makes || !isService(type)) {
      return save(entered);
    }
    // Once it is made it stays, and is the one that is chosen, also where the source is refused then.
    const connection = await make(entered.project, { ...entered.made, node: entered.node });
    form.setValue(`${type}.connection`, connection);
    return save({ ...entered, [type]: { ...entered[type], connection } });
  };
  return (
    <EditForm
      form={form}
      action={makes ? words.connection.save : texts.form.save}
      {...(makes && { doing: words.connection.trying })}
      rename={(field) => fieldOf(field, form.getValues())}
      isBarred={isBarred}
      save={saveBoth}
      {...rest}
    >
      <Fields title={words.source.what}>
        {isNew && <ProjectField action="editSources" />}
        {isNew && (
          <ChoiceField name="type" legend={words.source.type} values={SOURCE_TYPES} labels={words.source.types} />
        )}
        {isBarred && <Notice tone="warn">{texts.mysql.sourceForOwner}</Notice>}
        <TextField name="name" label={texts.form.name} maxLength={200} />
        <NodeField hint={nodeHints[type]} />
      </Fields>
      {type === "files" && <FilesFields />}
      {isInstance && !isBarred && <InstanceFields mayStop={mayStop} />}
      {type === "mongodb" && <MongodbFields />}
      {type === "sqlite" && <SqliteFields />}
      {type === "s3" && <BucketFields />}
    </EditForm>
  );
}

function useSchema() {
  const texts = useTexts();
  return useMemo(() => {
    const { bucket, mongodb, records, plan } = texts;
    return sourceSchema({
      ...settingsWords(texts),
      required: records.source.needPath,
      absolute: records.absolute,
      upwards: records.source.upwards,
      unit: plan.unitWrong,
      variable: plan.variableWrong,
      positive: plan.positive,
      dots: bucket.dots,
      long: bucket.long,
      collection: mongodb.collectionWrong,
    });
  }, [texts]);
}
