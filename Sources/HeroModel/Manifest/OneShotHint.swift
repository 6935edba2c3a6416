extension ActionSpec {
    /// After this time, a one-shot that has not ended is reported.
    public static let unendedOneShotDelay = Duration.seconds(5)

    /// The report about a one-shot that has not ended after that time.
    public var unendedOneShotHint: String {
        "`\(name)` is a one-shot that has not ended; if it runs for ever, write `is_process: true`"
    }
}
