/** A setting's value, changed or taken away, with what that would come to. */
import { Act } from "../app/act";
import { type AnswerOf, useLook } from "../api/look";
import { Instead } from "../kit/diff";
import { Choice, Input } from "../kit/field";
import { Status, type Tone } from "../kit/status";
import { Foreign } from "../kit/values";
import { unread } from "./preview";

export type Setting = AnswerOf<"/v1/settings">["settings"][number];

export function Change({ setting }: { setting: Setting }) {
  const usePreview = ({ value }: { value: string }) => {
    const preview = useLook(
      "/v1/settings/preview",
      { query: { key: setting.key, value } },
      { topics: ["settings"], enabled: value !== setting.value && value !== "", every: false },
    );
    const seen = value === setting.value ? undefined : preview.data?.value;
    return {
      wrong: value === setting.value ? "Give another value." : value === "" ? "Give a value." : unread(preview),
      consequence: seen === undefined ? `${setting.value} holds now.` : <Preview of={seen} />,
      danger: seen?.danger,
    };
  };
  // In a place a less specific value may hold, which is not taken away there.
  const isOwn = setting.key.includes("@") ? setting.from === setting.key : !setting.is_default;
  return (
    <div className="row">
      <Act
        change="PUT /v1/settings/{key}"
        names={{ key: setting.key }}
        label="Change"
        subject={setting.key}
        form={{ value: setting.value }}
        danger={setting.danger}
        useMore={usePreview}
        versus={{
          holds: <Value of={setting.value} />,
          changed: setting.changed,
          mine: ({ value }) => <Value of={value} />,
        }}
        undo={({ revision }, { value }) => <Undo before={setting} isOwn={isOwn} now={value} revision={revision} />}
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
      {isOwn ? <Unset setting={setting} /> : null}
    </div>
  );
}

interface UndoProps {
  before: Setting;
  isOwn: boolean;
  /** What was given instead, nothing where the value was taken away; and the revision that this made. */
  now: string | null;
  revision: number;
}

/** The way back to what was before a change. */
function Undo({ before: { key, value, danger }, isOwn, now, revision }: UndoProps) {
  const usePreview = () => {
    const query = isOwn ? { key, value } : { key };
    const preview = useLook("/v1/settings/preview", { query }, { topics: ["settings"], every: false });
    const seen = preview.data?.value;
    return {
      wrong: unread(preview),
      consequence: (
        <>
          <Instead of={now ?? "what holds without a value of its own"} is={value} />
          {seen === undefined ? null : <What of={seen} />}
        </>
      ),
      danger: seen?.danger,
    };
  };
  const same = {
    names: { key },
    label: "Undo",
    subject: key,
    detached: true,
    look: "quiet",
    danger,
    useMore: usePreview,
  } as const;
  return isOwn ? (
    <Act change="PUT /v1/settings/{key}" {...same} body={(reason) => ({ value, reason, if_revision: revision })} />
  ) : (
    <Act change="POST /v1/settings/{key}/unset" {...same} body={(reason) => ({ reason, if_revision: revision })} />
  );
}

const DANGERS: readonly (readonly [Tone, string])[] = [
  ["idle", "0: nothing that hurts"],
  ["info", "1: can cost performance"],
  ["warn", "2: can cost redundancy"],
  ["bad", "3: can stop the cluster"],
];

/** How dangerous a change of a setting is. */
export function Danger({ of: danger }: { of: number }) {
  const [tone, text] = DANGERS[danger] ?? (["info", String(danger)] as const);
  return <Status tone={tone}>{text}</Status>;
}

/** A value as it is written. */
export function Value({ of: value }: { of: string }) {
  return (
    <span className="code">
      <Foreign>{value}</Foreign>
    </span>
  );
}

function Unset({ setting }: { setting: Setting }) {
  const usePreview = () => {
    const preview = useLook("/v1/settings/preview", { query: { key: setting.key } }, { topics: ["settings"], every: false });
    const seen = preview.data?.value;
    return {
      wrong: unread(preview),
      consequence: seen === undefined ? `${setting.value} holds now.` : <Preview of={seen} />,
      danger: seen?.danger,
    };
  };
  return (
    <Act
      change="POST /v1/settings/{key}/unset"
      names={{ key: setting.key }}
      label="Unset"
      subject={setting.key}
      danger={setting.danger}
      useMore={usePreview}
      versus={{
        holds: <Value of={setting.value} />,
        changed: setting.changed,
        mine: () => "its own value taken away",
      }}
      undo={({ revision }) => <Undo before={setting} isOwn now={null} revision={revision} />}
      body={(reason) => ({ reason, if_revision: setting.revision })}
    />
  );
}

/** What a change of a setting would come to. */
function Preview({ of: seen }: { of: AnswerOf<"/v1/settings/preview"> }) {
  return (
    <>
      <Instead of={seen.from} is={seen.to} />
      <What of={seen} />
    </>
  );
}

/** When it would hold, how dangerous it is, whom it takes, and where it would not hold. */
function What({ of: seen }: { of: AnswerOf<"/v1/settings/preview"> }) {
  return (
    <>
      <p>
        Takes effect: <Foreign>{seen.takes_effect}</Foreign>
      </p>
      <p>
        Danger: <Danger of={seen.danger} />
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
