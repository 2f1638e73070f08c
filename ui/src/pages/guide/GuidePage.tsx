import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef } from "react";
import { useForm, useFormContext, type Resolver } from "react-hook-form";

import { begin, type Made } from "../../api/guide";
import { destinations, nodes } from "../../api/queries";
import { PageHead } from "../../components/basics";
import { Choice } from "../../components/Choice";
import { EditForm } from "../../components/EditForm";
import { Fields } from "../../components/fields";
import { NewRecord } from "../../components/NewRecord";
import { NodeField } from "../../components/Where";
import { emptySettings } from "../../lib/connection";
import { settingsWords } from "../../lib/settingsWords";
import { LENGTHS, PLACES, TIMES, guideSchema, type GuideValues } from "../../lib/guide";
import { emptyFiles } from "../../lib/source";
import { useTexts } from "../../texts";
import { SettingsFields } from "../connections/SettingsFields";
import { PathsField } from "../sources/PathsField";

/** A first backup: four questions in plain words, and it begins. */
export function GuidePage() {
  const words = useTexts().guide.first;
  return (
    <>
      <PageHead title={words.title} />
      <p className="mb-4 max-w-3xl text-sm text-faint">{words.hint}</p>
      <NewRecord action="editPlans">{(project) => <Questions project={project} />}</NewRecord>
    </>
  );
}

function Questions({ project }: { project: string }) {
  const texts = useTexts();
  const words = texts.guide.first;
  const { absolute, source } = texts.records;
  const schema = useMemo(
    () =>
      guideSchema({
        ...settingsWords(texts),
        required: source.needPath,
        absolute,
        upwards: source.upwards,
      }),
    [absolute, source, texts],
  );
  const form = useForm<GuideValues>({
    defaultValues: {
      project,
      node: "",
      spec: emptyFiles,
      place: "here",
      settings: emptySettings("local"),
      when: "daily",
      keep: "years",
    },
    resolver: zodResolver(schema) as unknown as Resolver<GuideValues, unknown, GuideValues>,
  });
  const queries = useQueryClient();
  const navigate = useNavigate();
  const made = useRef<Made>({});
  const save = async (values: GuideValues) => {
    try {
      return await begin(values, made.current);
    } finally {
      await queries.invalidateQueries({ queryKey: ["records"] });
    }
  };
  return (
    <EditForm
      form={form}
      action={words.begin}
      save={save}
      saved={({ plan, run }) => void navigate({ to: "/first-backup/$plan", params: { plan }, search: { run } })}
      rename={(field) => field.replace(/^spec\.paths\.\d+$/, "spec.paths")}
    >
      <Fields title={`1. ${words.what}`}>
        <NodeOfSeveral />
        <PathsField hint={words.whatHint} />
      </Fields>
      <Where />
      <Answers name="when" title={`3. ${words.when}`} choices={choicesOf(TIMES, words.times)} />
      <Answers name="keep" title={`4. ${words.keep}`} choices={choicesOf(LENGTHS, words.lengths)} />
    </EditForm>
  );
}

/** On which computer; nothing where there is only one. */
function NodeOfSeveral() {
  const words = useTexts().guide.first;
  const several = (useQuery(nodes()).data?.length ?? 0) > 1;
  return (
    <div className={several ? "" : "hidden"}>
      <NodeField hint={words.nodeHint} />
    </div>
  );
}

function Where() {
  const words = useTexts().guide.first;
  const { watch, setValue } = useFormContext<GuideValues>();
  const [place, project] = watch(["place", "project"]);
  const known = useQuery(destinations(project)).data;
  const hasOwn = known?.length !== 0;
  const choices = choicesOf(PLACES.filter((one) => one !== "here" || hasOwn), words.places);
  const choose = (chosen: GuideValues["place"]) => {
    setValue("place", chosen, { shouldDirty: true });
    setValue("settings", emptySettings(chosen === "bucket" ? "s3" : "local"));
  };
  useEffect(() => {
    if (!hasOwn) {
      setValue("place", "folder");
    }
  }, [hasOwn, setValue]);
  return (
    <Fields title={`2. ${words.where}`}>
      <Choice legend={words.where} isSaid value={place} choices={choices} choose={choose} />
      {place !== "here" && <SettingsFields key={place} at="settings" isNew />}
    </Fields>
  );
}

type Word = { name: string; hint: string };
type Answer = readonly [value: string, label: string, hint: string];

/** Answers with what each means. */
const choicesOf = <T extends string>(values: readonly T[], words: Record<T, Word>) =>
  values.map((value) => [value, words[value].name, words[value].hint] as const);

function Answers({ name, title, choices }: { name: "when" | "keep"; title: string; choices: readonly Answer[] }) {
  const { watch, setValue } = useFormContext<Record<"when" | "keep", string>>();
  return (
    <Fields title={title}>
      <Choice
        legend={title}
        isSaid
        value={watch(name)}
        choices={choices}
        choose={(value) => setValue(name, value, { shouldDirty: true })}
      />
    </Fields>
  );
}
