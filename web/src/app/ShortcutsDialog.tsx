import { Dialog } from "@/components/Dialog";
import { strings } from "@/strings";

const text = strings.shortcuts;

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={text.title} close={text.close} className="shortcuts" onClose={onClose}>
      <div className="shortcut-groups">
        {text.groups.map((group) => (
          <section key={group.name}>
            <h3>{group.name}</h3>
            <dl>
              {group.keys.map(([keys, what]) => (
                <div key={keys}>
                  <dt>
                    <kbd>{keys}</kbd>
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
