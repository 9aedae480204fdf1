/* Settings.tsx - what a person prefers, in this browser. */
import type { useTheme } from "@/app/theme";
import { THEMES } from "@/app/theme";
import type { ChangeView, View } from "@/app/view";
import { Button, Segments } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { clearHistory } from "@/features/query/history";
import { ZoneChoice } from "@/features/query/RangePicker";
import { later } from "@/stringsLater";
import { useState } from "react";
import "@/styles/pages.css";
import "@/styles/operate.css";

const text = later.settings;

interface Props {
  view: View;
  onChange: ChangeView;
  theme: ReturnType<typeof useTheme>;
  onClose: () => void;
}

export function Settings({ view, onChange, theme: [theme, , setTheme], onClose }: Props) {
  const [cleared, setCleared] = useState(false);
  return (
    <Dialog title={text.title} close={text.close} className="settings" onClose={onClose}>
      <dl>
        <div>
          <dt>{text.theme}</dt>
          <dd>
            <Segments label={text.theme} value={theme} onChange={setTheme} choices={THEMES.map((value) => ({ value, text: text.themes[value] }))} />
          </dd>
        </div>
        <div>
          <dt>{text.zone}</dt>
          <dd>
            <ZoneChoice zone={view.zone} onChange={(zone) => onChange({ zone }, "replace")} />
          </dd>
        </div>
        <div>
          <dt>{text.order}</dt>
          <dd>
            <Segments
              label={text.order}
              value={view.direction}
              onChange={(direction) => onChange({ direction }, "replace")}
              choices={[
                { value: "backward", text: text.newest },
                { value: "forward", text: text.oldest },
              ]}
            />
          </dd>
        </div>
        <div>
          <dt>{text.lines}</dt>
          <dd>
            <Segments
              label={text.lines}
              value={view.wrap ? "wrap" : "cut"}
              onChange={(how) => onChange({ wrap: how === "wrap" }, "replace")}
              choices={[
                { value: "cut", text: text.cut },
                { value: "wrap", text: text.wrap },
              ]}
            />
          </dd>
        </div>
        <div>
          <dt>{text.history}</dt>
          <dd>
            <Button
              disabled={cleared}
              onClick={() => {
                clearHistory();
                setCleared(true);
              }}
            >
              {cleared ? text.cleared : text.clear}
            </Button>
          </dd>
        </div>
      </dl>
      <p className="hint">{text.where}</p>
    </Dialog>
  );
}
