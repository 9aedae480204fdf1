import { Component, type ReactNode } from "react";
import { strings } from "@/strings";

/* A mistake in one screen says so instead of leaving a white page. */
export class Crash extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};
  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <main className="screen">
        <div className="notice notice-error" role="alert">
          <p>{strings.errors.crashed}</p>
          <pre className="mono excerpt">{error.message}</pre>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            {strings.errors.reload}
          </button>
        </div>
      </main>
    );
  }
}
