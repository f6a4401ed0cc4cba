/** Changing a setting in a place, or taking its value there away, with what that would come to before it is done. */
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Choice, Input } from "../kit/field";
import { Foreign } from "../kit/values";

export type Setting = AnswerOf<"/v1/settings">["settings"][number];

/** `setting` is asked for with its place, so that its revision is the one of its value there. */
export function ChangeSetting({ setting }: { setting: Setting }) {
  const useChange = ({ value }: { value: string }) => {
    const isOther = value !== setting.value;
    const preview = useLook(
      "/v1/settings/preview",
      { query: { key: setting.key, value } },
      { topics: ["settings"], enabled: isOther && value !== "", every: false },
    );
    const refused = preview.error;
    const seen = isOther ? preview.data?.value : undefined;
    return {
      wrong: isOther ? (refused === null ? null : `${refused.message} ${refused.hint}`) : "Give another value.",
      consequence: seen === undefined ? `${setting.value} holds now.` : <Preview of={seen} />,
    };
  };
  const useUnset = () => {
    const preview = useLook("/v1/settings/preview", { query: { key: setting.key } }, { topics: ["settings"], every: false });
    const seen = preview.data?.value;
    return {
      wrong: null,
      consequence: seen === undefined ? `${setting.value} holds now.` : <Preview of={seen} />,
    };
  };
  return (
    <div className="row">
      <Act
        change="PUT /v1/settings/{key}"
        names={{ key: setting.key }}
        label="Change"
        subject={setting.key}
        form={{ value: setting.value }}
        useMore={useChange}
        body={(reason, { value }) => ({ value, reason, if_revision: setting.revision })}
        fields={({ value }, set) =>
          setting.choices.length === 0 ? (
            <Input
              label="Value"
              help={setting.takes}
              value={value}
              autoComplete="off"
              onChange={(event) => set({ value: event.target.value })}
            />
          ) : (
            <Choice label="Value" of={setting.choices} value={value} onChange={(event) => set({ value: event.target.value })} />
          )
        }
      />
      {setting.from === setting.key ? (
        <Act
          change="POST /v1/settings/{key}/unset"
          names={{ key: setting.key }}
          label="Unset"
          subject={setting.key}
          useMore={useUnset}
          body={(reason) => ({ reason, if_revision: setting.revision })}
        />
      ) : null}
    </div>
  );
}

/** What a change of a setting would come to. */
function Preview({ of: seen }: { of: AnswerOf<"/v1/settings/preview"> }) {
  return (
    <>
      <span className="diff">
        <span aria-hidden="true">−</span>
        <del>
          <Foreign>{seen.from}</Foreign>
        </del>
        <span aria-hidden="true">+</span>
        <ins>
          <Foreign>{seen.to}</Foreign>
        </ins>
      </span>
      <p>
        Takes effect: <Foreign>{seen.takes_effect}</Foreign>
      </p>
      {seen.needs_second_person ? <p>It takes a second person, once two have approval keys.</p> : null}
      {seen.not_in.length === 0 ? null : (
        <p>
          Other values go on to hold in <Foreign>{seen.not_in.join(", ")}</Foreign>.
        </p>
      )}
    </>
  );
}
