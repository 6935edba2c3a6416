public import HeroJSON
public import HeroModel

/// The result of a cleanup of jobs, or of its dry run.
public enum CleanupView {
    /// One or two lines.
    public static func text(_ result: CleanupResult) -> String {
        guard !result.jobs.isEmpty || !result.actions.isEmpty else {
            return result.isDryRun
                ? "Nothing would be removed: no ended job matches.\n" : "Nothing to remove: no ended job matches.\n"
        }
        let verb = result.isDryRun ? "Would remove" : "Removed"
        var lines = ["\(verb) \(counted(result.jobs.count, "ended job"))\(list(result.jobs.map { String($0) }))."]
        if !result.actions.isEmpty {
            let names = result.actions.map { key in
                key.service.map { "\(key.context)/\($0).\(key.action)" } ?? "\(key.context)/\(key.action)"
            }
            lines.append("\(verb) \(counted(result.actions.count, "action spec"))\(list(names)).")
        }
        return lines.map { $0.printable + "\n" }.joined()
    }

    /// `{jobs_deleted, actions_deleted, job_ids, action_ids, errors, dry_run}`; both counts are 0 in a dry run.
    public static func json(_ result: CleanupResult) -> JSONValue {
        [
            "jobs_deleted": JSONValue(result.isDryRun ? 0 : result.jobs.count),
            "actions_deleted": JSONValue(result.isDryRun ? 0 : result.actions.count),
            "job_ids": .array(result.jobs.map(JSONValue.integer)),
            "action_ids": .array(result.actions.map { .string($0.action) }),
            "errors": .array(result.errors.map(JSONValue.string)),
            "dry_run": .bool(result.isDryRun),
        ]
    }

    private static func counted(_ number: Int, _ what: String) -> String {
        "\(number) \(what)\(number == 1 ? "" : "s")"
    }

    /// The first names in parentheses.
    private static func list(_ names: [String]) -> String {
        guard !names.isEmpty else { return "" }
        let more = names.count > 20 ? " and \(names.count - 20) more" : ""
        return " (" + names.prefix(20).joined(separator: ", ") + more + ")"
    }
}
