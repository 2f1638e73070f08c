import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { Problem } from "../../api/client";
import { preview } from "../../api/contents";
import { nameOf } from "../../lib/paths";
import { useTexts } from "../../texts";
import { Failure, Loading } from "../basics";

type Props = { repository: string; snapshot: string; file: string };

/** What a file looks like, where it is a text or a picture. */
export function FilePreview({ repository, snapshot, file }: Props) {
  const texts = useTexts();
  const { data, error, isPending, refetch } = useQuery(preview(repository, snapshot, file));
  if (isPending) {
    return <Loading />;
  }
  if (error instanceof Problem && error.status === 415) {
    return <p className="text-sm text-faint">{texts.snapshots.noPreview}</p>;
  }
  if (error) {
    return <Failure error={error} again={() => void refetch()} />;
  }
  if (data.kind === "picture") {
    return <Picture picture={data.picture} name={nameOf(file)} />;
  }
  return (
    <pre
      tabIndex={0}
      aria-label={texts.snapshots.preview}
      dir="auto"
      className="max-h-72 overflow-auto rounded border border-line bg-ground p-3 font-mono text-xs whitespace-pre-wrap wrap-anywhere"
    >
      {data.text === "" ? texts.snapshots.emptyFile : data.text}
    </pre>
  );
}

function Picture({ picture, name }: { picture: Blob; name: string }) {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(picture);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [picture]);
  return address && <img src={address} alt={name} className="mx-auto max-h-72 max-w-full rounded object-contain" />;
}
