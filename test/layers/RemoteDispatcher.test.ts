import { laws } from "papyros/testing"
import { effort } from "../support/effort.ts"
import { remoteSubject } from "../support/remote/remoteSubject.ts"

laws("RemoteDispatcher", remoteSubject(effort(0.3, 5)))
