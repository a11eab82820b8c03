# AC-002 of SPEC-MODEL-001. The scenarios that are no outlines are the specification's, word for word.
Feature: Implementation 작업 GLM-4.7 라우팅

  Scenario: 코드 구현 요청 시 Tier 2 모델 사용
    Given 사용자가 인증된 상태이고
    And ModelRouter가 초기화된 상태에서
    When 사용자가 "코드 구현해줘" 메시지를 전송하면
    Then TaskClassifier가 해당 메시지를 "implementation" 작업으로 분류하고
    And ModelRouter가 GLM-4.7 모델을 선택하고
    And 응답의 model_used 필드가 "glm-4.7"이어야 한다
    And 응답의 tier 필드가 2이어야 한다

  Scenario: /moai:2-run 명령 실행 시 Tier 2 모델 사용
    Given 사용자가 인증된 상태이고
    And SPEC-001이 존재하는 상태에서
    When 사용자가 "/moai:2-run SPEC-001" 명령을 실행하면
    Then ModelRouter가 명령을 감지하고 GLM-4.7을 강제 선택하고
    And 코드 생성 작업이 GLM-4.7로 처리되어야 한다

  # The SPEC's test data: TIER2_TEST_CASES and EDGE_CASES.
  Scenario Outline: Tier 2 분류 - <message>
    Given ModelRouter가 초기화된 상태에서
    When TaskClassifier가 "<message>" 메시지를 분류하면
    Then 응답의 tier 필드가 <tier>이어야 한다
    And 응답의 model_used 필드가 "glm-4.7"이어야 한다
    And 결정의 근거가 "<decided_by>"이어야 한다

    Examples: TIER2_TEST_CASES
      | message              | tier | decided_by |
      | 코드 구현해줘        | 2    | classifier |
      | 테스트 작성해줘      | 2    | classifier |
      | /moai:2-run SPEC-001 | 2    | command    |
      | 이 버그 수정해줘     | 2    | classifier |
      | 문서화 진행해줘      | 2    | classifier |

    Examples: EDGE_CASES
      | message    | tier | decided_by |
      |            | 2    | default    |
      | 안녕하세요 | 2    | default    |
