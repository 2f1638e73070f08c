import { useFormContext } from "react-hook-form";

import { useTexts } from "../../texts";

/** Who shares a repository or a folder of archives, in plain words. */
export function LayoutField({ isArchives }: { isArchives: boolean }) {
  const { destination, archives } = useTexts().records;
  const words = isArchives ? archives : destination;
  const { register } = useFormContext();
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-semibold">{words.layout}</legend>
      <div className="flex flex-col gap-2">
        {(["per_node", "shared"] as const).map((layout) => (
          <label key={layout} className="flex items-start gap-2 text-sm">
            <input type="radio" value={layout} className="mt-0.5 size-4 shrink-0 accent-accent" {...register("layout")} />
            <span>
              {words.layouts[layout]}
              <span className="block text-xs text-faint">{words.layoutHints[layout]}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
