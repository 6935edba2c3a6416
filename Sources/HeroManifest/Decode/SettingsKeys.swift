internal import HeroModel

/// The settings of the set as their document says them.
struct SettingsDraft: Located {
    /// Its file's number.
    var file: Int
    /// Where the document begins.
    var span: Span
    /// What must be declared, with places; nil where nothing is said.
    var required: [(name: QualifiedName, span: Span)]?
    var written: [Written] = []
    var misspelt: Set<String> = []

    /// Every key of `kind: Settings`.
    static let table = KeyTable<SettingsDraft>(
        of: "settings",
        [
            Key("kind") { _, _, _ in },
            Key("required") { node, draft, scope in
                // A key without a value is no list: nobody should switch a safeguard off by leaving it empty.
                if node.isNull {
                    scope.reportType(node, "required", "a list of names", example: "required: []")
                } else {
                    draft.required = scope.references(node, "required")
                }
            },
        ]
    )
}
