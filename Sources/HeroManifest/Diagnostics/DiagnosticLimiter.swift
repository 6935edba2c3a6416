internal import HeroModel

/// Limits the diagnostics of one file; errors and warnings are counted separately.
struct DiagnosticLimiter {
    private var errors = 0
    private var warnings = 0

    /// Makes a diagnostic; at the limit, makes one about the hidden rest; after the limit, returns nil.
    mutating func makeDiagnostic(
        _ source: SourceFile,
        _ severity: Diagnostic.Severity,
        _ code: DiagnosticCode,
        _ message: String,
        _ help: String?,
        _ span: Span,
        _ notes: [Diagnostic.Note]
    ) -> Diagnostic? {
        let count: Int
        switch severity {
        case .error:
            errors += 1
            count = errors
        case .warning:
            warnings += 1
            count = warnings
        }
        if count <= InputLimits.diagnostics {
            return source.diagnostic(severity, code, message, help: help, at: span, notes: notes)
        }
        guard count == InputLimits.diagnostics + 1 else { return nil }
        return source.diagnostic(
            severity,
            .tooManyMistakes,
            "more than \(InputLimits.diagnostics) \(severity.rawValue)s in this file; the rest are not shown",
            help: "correct those that are shown first",
            at: span
        )
    }
}
