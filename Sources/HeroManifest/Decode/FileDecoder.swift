internal import HeroModel

/// Decodes the values of one file and collects its diagnostics.
///
/// The readers of values are extensions (Values/). Each returns nil if the value is invalid, after it has reported
/// that.
struct FileDecoder {
    /// The index of the file in the set.
    let fileIndex: Int
    /// The file.
    let source: SourceFile
    /// The diagnostics so far.
    private(set) var diagnostics: [Diagnostic] = []
    private var limiter = DiagnosticLimiter()
    /// Names that unreadable parts of the file probably declare.
    ///
    /// References to them are not reported as unknown.
    var possiblyDeclaredNames: Set<String> = []
    /// Whether a value contains a `$`.
    var hasDollar = false
    /// The context of the document that is being decoded.
    var context = QualifiedName.defaultContext

    init(fileIndex: Int, file: ManifestFile) {
        self.fileIndex = fileIndex
        source = SourceFile(file: file)
    }

    /// Adds a diagnostic, unless the limit of the file is reached.
    mutating func report(
        _ code: DiagnosticCode,
        _ message: String,
        help: String?,
        at span: Span,
        notes: [Diagnostic.Note] = [],
        severity: Diagnostic.Severity = .error
    ) {
        guard let diagnostic = limiter.makeDiagnostic(source, severity, code, message, help, span, notes) else {
            return
        }
        // The YAML event and the value can report the same misplaced anchor; one report is enough.
        if diagnostics.last != diagnostic { diagnostics.append(diagnostic) }
    }
}
