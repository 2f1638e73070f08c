import { useQuery } from "@tanstack/react-query";

import { uploads, type Upload } from "../../../api/receiver";
import { Card } from "../../../components/basics";
import { Name } from "../../../components/Name";
import { One } from "../../../components/One";
import { moment, size } from "../../../lib/format";
import { partOf } from "../../../lib/receiver";
import { useSpeech, useTexts } from "../../../texts";

/** What is not whole yet, of one client or of all, and how far it is. */
export function Uploads({ client }: { client?: string }) {
  const words = useTexts().receiver;
  return (
    <Card title={words.uploads}>
      <One query={useQuery(uploads(client))}>
        {(all) =>
          all.length === 0 ? (
            <p className="text-sm text-faint">{words.noUploads}</p>
          ) : (
            <ul className="divide-y divide-line">
              {all.map((upload, place) => (
                <li key={place} className="py-3 first:pt-0 last:pb-0">
                  <OneUpload upload={upload} isNamed={client === undefined} />
                </li>
              ))}
            </ul>
          )
        }
      </One>
    </Card>
  );
}

function OneUpload({ upload, isNamed }: { upload: Upload; isNamed: boolean }) {
  const { texts, language } = useSpeech();
  const words = texts.receiver;
  const name = upload.name ?? words.part;
  const part = partOf(upload);
  return (
    <>
      <p className="text-sm wrap-anywhere">
        <span className="font-semibold">
          <Name>{name}</Name>
        </span>
        {isNamed && (
          <span className="text-faint">
            {" · "}
            <Name>{upload.client}</Name>
          </span>
        )}
      </p>
      <progress
        className="mt-1 h-2 w-full overflow-hidden rounded [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-raised [&::-webkit-progress-value]:bg-accent"
        max={1}
        value={part}
        aria-label={words.progress(name)}
      />
      <p className="text-xs text-faint tabular-nums">
        {size(upload.sent + upload.arriving, language)} / {size(upload.size, language)} · {Math.floor(part * 100)} % · {words.keptUntil} {moment(upload.expires, language)}
      </p>
    </>
  );
}
