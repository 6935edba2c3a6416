/// The output formats of plans.
enum PlanFormat: String, ResultFormat {
    /// Text for people.
    case text
    /// `heroproc/plan/v1`.
    case json
    /// Markdown for a comment on a pull request.
    case markdown
    /// Workflow commands of GitHub Actions, and Markdown for the summary of the job.
    case github
}
