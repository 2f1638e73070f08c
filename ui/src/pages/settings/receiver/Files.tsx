import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { files } from "../../../api/receiver";
import { buttonClass } from "../../../components/basics";
import { Name } from "../../../components/Name";
import { One } from "../../../components/One";
import { Table } from "../../../components/Table";
import { When } from "../../../components/When";
import { size } from "../../../lib/format";
import { useSpeech } from "../../../texts";

type Props = { client: string; after: string | undefined };

/** The files that a client has put here, in pages by name. */
export function Files({ client, after }: Props) {
  const { texts, language } = useSpeech();
  const words = texts.receiver;
  return (
    <section aria-labelledby="files" className="flex flex-col gap-3">
      <h2 id="files" className="text-base font-semibold">
        {words.files}
      </h2>
      <One query={useQuery(files(client, after))}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? (
              <p className="text-sm text-faint">{words.noFiles}</p>
            ) : (
              <Table
                label={words.files}
                heads={[words.file, words.size, words.put, "SHA-256"]}
                rows={items.map((file) => ({
                  key: file.name,
                  cells: [
                    <Name key="name">{file.name}</Name>,
                    <span key="size" className="whitespace-nowrap tabular-nums">
                      {size(file.size, language)}
                    </span>,
                    <When key="put" time={file.modified} />,
                    file.sha256 ? (
                      <code key="hash" className="text-xs" title={file.sha256}>
                        {file.sha256.slice(0, 12)}…
                      </code>
                    ) : (
                      "–"
                    ),
                  ],
                }))}
              />
            )}
            <Pages client={client} after={after} next={next} />
          </>
        )}
      </One>
    </section>
  );
}

function Pages({ client, after, next }: Props & { next: string | null | undefined }) {
  const { texts } = useSpeech();
  const [to, params] = ["/settings/receiver/clients/$client", { client }] as const;
  if (after === undefined && !next) {
    return null;
  }
  return (
    <nav aria-label={texts.receiver.files} className="flex flex-wrap justify-center gap-2">
      {after !== undefined && (
        <Link to={to} params={params} search={{}} className={buttonClass()}>
          {texts.receiver.firstPage}
        </Link>
      )}
      {next && (
        <Link to={to} params={params} search={{ after: next }} className={buttonClass()}>
          {texts.receiver.nextPage}
        </Link>
      )}
    </nav>
  );
}
