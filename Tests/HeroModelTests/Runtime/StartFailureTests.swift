import HeroModel
import Testing

@Suite("Start failures")
struct StartFailureTests {
    @Test(
        "A start that the machine prevents is transient and does not count as an attempt",
        arguments: [
            // EIO, ENOSPC, EROFS, EFBIG and EDQUOT
            (.record, 5, true), (.record, 28, true), (.record, 30, true), (.record, 27, true), (.record, 122, true),
            (.script, 5, true), (.script, 30, true), (.notify, 30, true), (.log, 30, true), (.launch, 5, true),
            // The disk of the program is not that of heroproc.
            (.execute, 5, false), (.execute, 30, false), (.directory, 5, false),
            // ENOENT and EACCES
            (.execute, 2, false), (.record, 13, false), (.execute, 0, false),
            // EAGAIN, ENOMEM and ETXTBSY
            (.fork, 11, true), (.fork, 12, true), (.execute, 26, true),
        ] as [(StartFailure.Stage, Int32, Bool)]
    )
    func transient(stage: StartFailure.Stage, errno: Int32, isTransient: Bool) {
        #expect(StartFailure(stage: stage, errno: errno, detail: "").isTransient == isTransient)
    }
}
