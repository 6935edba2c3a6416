extension ObjectSchema {
    /// `reload` of an action.
    public static let reload = Self(
        [
            Property("signal", .signal, "The signal that its main process receives."),
            Property("exec", .list(of: .text, atLeast: 1), "A command that must exit with 0."),
            Property(
                "timeout",
                .duration(AllowedRanges.delay),
                default: .text("10s"),
                "Maximum run time of the command."
            ),
        ],
        oneOf: ["signal", "exec"]
    )
}
