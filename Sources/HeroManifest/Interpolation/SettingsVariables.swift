/// The variables that the settings of a set declare, read from the tree before decoding.
///
/// Invalid values are left out here and reported when the document is decoded.
struct SettingsVariables {
    /// The values of `vars`.
    private(set) var values: [String: String] = [:]
    /// The names of `pass_env`; nil if the key is not written.
    private(set) var passedNames: [String]?
    private var isFound = false

    /// Reads the variables if the document is the first one of kind Settings.
    mutating func readSettings(_ document: YAMLNode) {
        guard !isFound, Interpolator.kind(of: document) == .settings, case .mapping(let entries) = document.content
        else { return }
        isFound = true
        for entry in entries {
            switch (entry.key, entry.value.content) {
            case ("vars", .mapping(let variables)):
                for variable in variables {
                    guard case .scalar(let text, plain: _) = variable.value.content else { continue }
                    values[variable.key] = variable.value.isNull ? "" : text
                }
            case ("pass_env", .sequence(let items)):
                passedNames = items.compactMap { item in
                    if case .scalar(let text, plain: _) = item.content { text } else { nil }
                }
            default: continue
            }
        }
    }
}
