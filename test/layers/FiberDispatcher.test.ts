import { laws } from "papyros/testing"
import { effort } from "../support/effort.ts"
import { fiberSubject } from "../support/fiberSubject.ts"

laws("FiberDispatcher", { ...fiberSubject(false), effort: effort(1) })
laws("FiberDispatcher with codecs", { ...fiberSubject(true), effort: effort(1) })
