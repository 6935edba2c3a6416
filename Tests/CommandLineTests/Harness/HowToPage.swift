import Foundation
import TestSupport

/// A page of `docs/how-to`, whose examples are tested unchanged.
struct HowToPage {
    let text: String

    init(_ name: String) {
        let data = try? Data(contentsOf: repositoryRoot.appending(path: "docs/how-to/\(name)"))
        text = String(decoding: data ?? Data(), as: UTF8.self)
    }

    /// The code blocks of a language.
    func blocks(_ language: String) -> [String] {
        text.components(separatedBy: "```\(language)\n").dropFirst().map { rest in
            rest.components(separatedBy: "\n```").first ?? ""
        }
    }
}
